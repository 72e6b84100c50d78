package demo

import (
	"time"

	"wardline/clinical/conversation"
	"wardline/clinical/patient"
)

// scene is one room with what was said in it.
type scene struct {
	name    string
	class   conversation.Class
	patient patient.ID
	people  []string // the first one asked for the room
	direct  bool
	says    []say
	read    map[string]int // login → how many of the newest messages that person has not read; everybody else has read all
}

const (
	day  = 24 * 60
	hour = 60
)

// scenes returns every room, with times before now.
func scenes(now time.Time) []scene {
	ward := []string{"priya", "asha", "daniel", "eilidh", "marek", "bronwen", "tom", "grace", "liam", "hana", "ruth", "yusuf", "kate"}
	talk := wardTalk(now, 660)
	board := ago(now, 26*hour, "priya", "Rota board for the week. Please check your nights.")
	board.photo = "rota"
	talk = insert(talk, board)
	all := []scene{
		{name: "Ward 7 doctors and nurses", class: conversation.Team, people: ward, says: talk, read: map[string]int{"asha": 7, "tom": 3}},
	}
	all = append(all, patientScenes(now)...)
	return append(all, staffScenes(now)...)
}

// insert puts a message where its time belongs.
func insert(talk []say, s say) []say {
	i := 0
	for i < len(talk) && talk[i].at.Before(s.at) {
		i++
	}
	return append(talk[:i:i], append([]say{s}, talk[i:]...)...)
}

func patientScenes(now time.Time) []scene {
	ecg := ago(now, 52, "asha", "K⁺ 6.1 on the gas, ECG attached. Bed 4.")
	ecg.photo = "ecg"
	page := ago(now, 51, "asha", "K⁺ 6.1 on the gas, peaked T waves on the ECG.")
	page.page = true
	peaked := ago(now, 49, "liam", "Peaked T waves in V3 and V4, agree. With you in 4 min.")
	peaked.liked, peaked.with = "asha", "👍"
	plan := ago(now, 45, "liam", "Treat as hyperkalaemia: 30 mL calcium gluconate 10 %%, then insulin and glucose. Repeat K⁺ in one hour.")
	plan.decide, plan.liked, plan.with = "liam", "tom", "👍"
	skin := ago(now, 5*hour+12, "daniel", "Skin check done on arrival, both heels intact. Sites marked on the chart.")
	skin.photo = "bodymap"
	coming := ago(now, 33, "asha", "Yes, moving her to bay A now.")
	coming.answer = true
	return []scene{
		{patient: "pt_smith", class: conversation.Clinical, people: []string{"asha", "tom", "liam", "grace", "ruth", "daniel", "yusuf"}, read: map[string]int{"asha": 2}, says: []say{
			ago(now, 2*day+200, "tom", "Admitted with breathlessness, known heart failure. Furosemide IV, daily weights, U&E morning and evening."),
			ago(now, 2*day+170, "yusuf", "Spironolactone and ramipril both on the chart with creatinine 168. Please review the pair."),
			ago(now, 2*day+150, "tom", "Spironolactone stopped, ramipril halved. Thank you."),
			ago(now, day+400, "ruth", "Echo: EF 40 %%, moderate MR. Carry on with the diuretic, aim for a kilo a day."),
			ago(now, day+90, "daniel", "Weight 71.2, down 0.9. She slept with two pillows for the first time."),
			skin,
			ago(now, 70, "asha", "She feels weak and a bit dizzy. HR 58, BP 104/60. Gas sent."),
			ecg, page, peaked, plan,
			ago(now, 43, "tom", "Calcium gluconate going in now, 10:1 monitoring with Asha."),
			ago(now, 38, "tom", "Repeat K⁺ sent, lab says 20 min. Can we have a monitored bed?"),
			coming,
			ago(now, 14, "tom", "K⁺ 5.4. ECG back to her usual."),
			ago(now, 12, "grace", "Good. Second insulin and glucose not needed. Recheck at the next round of bloods."),
		}},
		{patient: "pt_jones", class: conversation.Clinical, people: []string{"asha", "tom", "grace", "ruth", "aoife", "daniel", "hana"}, read: map[string]int{"asha": 1}, says: []say{
			ago(now, day+300, "tom", "Right lower lobe pneumonia on CXR, CURB-65 2. Co-amoxiclav and doxycycline. Target sats 88 to 92, he retains."),
			ago(now, day+280, "asha", "Venturi 28 %%, sats 90. Comfortable, eating."),
			ago(now, 9*hour, "daniel", "NEWS2 5 at 02:00. HR 108, RR 24. Night team aware, fluids up."),
			ago(now, 8*hour+30, "hana", "Reviewed. Bloods and cultures repeated, 500 mL given. Call again if the systolic is under 100."),
			ago(now, 55, "asha", "NEWS2 7 now. RR 26, BP 98/56, a bit clammy."),
			ago(now, 50, "tom", "Coming. Lactate and gas please, second 500 mL up."),
			ago(now, 20, "tom", "Lactate sent. Not better after fluids, I think he needs a senior."),
		}},
		{patient: "pt_okafor", class: conversation.Clinical, people: []string{"asha", "tom", "yusuf", "bronwen", "ruth"}, says: []say{
			ago(now, day+600, "tom", "Troponin flat, D-dimer negative. Home tomorrow if the echo is normal."),
			ago(now, 6*hour, "ruth", "Echo normal. Home, no follow-up from us."),
			ago(now, 4*hour, "yusuf", "TTA done, transport at 10:30."),
		}},
		{patient: "pt_vdberg", class: conversation.Clinical, people: []string{"asha", "kate", "sofia", "daniel"}, says: []say{
			ago(now, 2*day+500, "daniel", "Unwitnessed fall by the bed at 05:10. No head wound, neuro obs started, hip painful."),
			ago(now, 2*day+480, "sofia", "Hip films: no fracture. Paracetamol and mobilise with physio."),
			ago(now, 2*day, "kate", "Happy for stairs with a rail and one person."),
		}},
		{patient: "pt_taylor", class: conversation.Clinical, people: []string{"grace", "asha", "liam", "sofia"}, says: []say{
			ago(now, 10*hour, "grace", "Hb 71 after melaena overnight. Two units running, PPI infusion, nil by mouth."),
			ago(now, 9*hour, "liam", "Endoscopy on the morning list. Glasgow-Blatchford 11."),
			ago(now, 3*hour, "asha", "Second unit up, HR 88, BP 112/70. No more melaena."),
		}},
	}
}

func staffScenes(now time.Time) []scene {
	accept := ago(now, 58, "ken", "Accept, send to HASU. Door is open, CT is ready.")
	accept.liked, accept.with = "lucia", "🙏"
	biscuits := ago(now, day+300, "jo", "Whoever finished the biscuits owes the ward a packet.")
	biscuits.liked, biscuits.with = "marek", "😂"
	return []scene{
		{name: "Stroke referrals", class: conversation.Team, people: []string{"ken", "lucia", "liam", "callum"}, says: []say{
			ago(now, day+700, "lucia", "81, aphasia since 19:20, BP 170/90, on apixaban."),
			ago(now, day+695, "ken", "No lysis with that. CTA please, thrombectomy centre is aware."),
			ago(now, 66, "lucia", "68, right arm weakness since 06:30, NIHSS 9, glucose 6.2. CT in ten minutes."),
			accept,
		}},
		{name: "Site handover", class: conversation.Team, people: []string{"maya", "priya", "nadia", "george", "callum", "asha"}, read: map[string]int{"asha": 1}, says: []say{
			ago(now, day+480, "maya", "Morning. 12 in ED, four with decisions to admit. Ward 7 two, Ward 3 one, Ward 5 full."),
			ago(now, day+470, "nadia", "Ward 3: one home by 11, one maybe."),
			ago(now, day+460, "george", "Ward 5: two post-ops to come back, no movement before 14:00."),
			ago(now, 110, "maya", "Now 3 beds, 2 to come from ED."),
			ago(now, 100, "callum", "ED: both are packed and ready, first one leaves in ten."),
		}},
		{name: "Tea club", class: conversation.Social, people: []string{"jo", "asha", "marek", "bronwen", "tom", "kate", "sam", "maya"}, read: map[string]int{"asha": 2, "tom": 4}, says: []say{
			ago(now, 3*day+90, "bronwen", "Cake sale on Friday for the garden project. Lemon drizzle promised."),
			ago(now, 3*day+60, "marek", "I bring pierogi again?"),
			ago(now, 3*day+58, "tom", "Yes please, and this time I come before noon."),
			ago(now, 2*day+100, "kate", "Sunday walk on the canal, 10 am, dogs welcome."),
			ago(now, 2*day+80, "maya", "In, with one wet spaniel."),
			biscuits,
			ago(now, day+280, "sam", "Nights did not even see them arrive."),
			ago(now, day+200, "jo", "New tin is behind the printer. You did not hear it from me."),
		}},
		{direct: true, people: []string{"grace", "asha"}, says: []say{
			ago(now, 4*hour, "grace", "Thank you for the gas this morning, that saved me a walk."),
			ago(now, 3*hour+50, "asha", "Any time. Are you on Thursday?"),
			ago(now, 3*hour+45, "grace", "Until 20:00. Why?"),
			ago(now, 3*hour+30, "asha", "School play. I will ask Daniel first."),
		}},
		{direct: true, people: []string{"ruth", "asha"}, says: []say{
			ago(now, 2*day+40, "asha", "Mrs Smith's daughter would like ten minutes with you on Monday."),
			ago(now, 2*day+20, "ruth", "Gladly. Off duty until Monday 08:00, then straight after the round."),
		}},
		{direct: true, people: []string{"tom", "asha"}, read: map[string]int{"asha": 1}, says: []say{
			ago(now, day+50, "tom", "Which drawer are the blue cannulas in now?"),
			ago(now, day+48, "asha", "Third, left of the fridge. They moved everything on Friday."),
			ago(now, 40, "tom", "Your ECG was perfect, by the way. Right leads, right time."),
		}},
		{direct: true, people: []string{"liam", "ken"}, says: []say{
			ago(now, 7*hour, "liam", "Can you take the stroke bleep at 13:00 for half an hour? Interview."),
			ago(now, 6*hour+55, "ken", "Of course. Good luck."),
		}},
		{direct: true, people: []string{"helen", "rob"}, says: []say{
			ago(now, 2*day+300, "helen", "Quarterly access review is ready for you to sign."),
			ago(now, 2*day+240, "rob", "Read it, two questions. I come by on Wednesday."),
		}},
	}
}
