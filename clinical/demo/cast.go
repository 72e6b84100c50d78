package demo

import (
	"wardline/clinical/directory"
	"wardline/clinical/emergency"
	"wardline/clinical/patient"
)

// Password opens every demo account.
const Password = "st-elsewhere"

// Guest is one of the people that a visitor may be.
type Guest struct {
	Login string // local part of the user id
	Name  string
	Who   string // why somebody would choose this one
}

// Guests are the people for the one-click links.
var Guests = []Guest{
	{"asha", "Asha Patel", "Staff nurse, Ward 7: start here"},
	{"tom", "Tom Reid", "FY1 doctor, Ward 7"},
	{"liam", "Liam Hughes", "Medical registrar on call: gets the pages"},
	{"grace", "Grace Obi", "SHO 1: gets the page when nobody answers"},
	{"jo", "Jo Bright", "Switchboard operator: where unanswered pages ring"},
	{"helen", "Helen Marsh", "Information governance lead"},
}

type person struct {
	login, name, role, profession string
	ward                          directory.WardID
}

var wards = []directory.Ward{{ID: "w7", Name: "Ward 7"}, {ID: "w3", Name: "Ward 3"}, {ID: "w5", Name: "Ward 5"}, {ID: "ed", Name: "Emergency department"},
	{ID: "site", Name: "Site office"}, {ID: "switch", Name: "Switchboard"}, {ID: "ig", Name: "Information governance"}, {ID: "stroke", Name: "Stroke unit"},
	{ID: "itu", Name: "Critical care"}, {ID: "pharm", Name: "Pharmacy"}, {ID: "therapy", Name: "Therapies"}}

var people = []person{
	{"asha", "Asha Patel", "Staff nurse", "nursing", "w7"},
	{"tom", "Tom Reid", "FY1", "medical", "w7"},
	{"liam", "Liam Hughes", "Medical SpR", "medical", "w7"},
	{"grace", "Grace Obi", "SHO", "medical", "w7"},
	{"ruth", "Ruth Cole", "Consultant cardiologist", "medical", "w7"},
	{"ken", "Ken Mbeki", "Stroke SpR", "medical", "stroke"},
	{"sofia", "Sofia Rossi", "Surgical SHO", "medical", "w5"},
	{"maya", "Maya Lind", "Site lead", "operations", "site"},
	{"jo", "Jo Bright", "Switchboard operator", "switchboard", "switch"},
	{"helen", "Helen Marsh", "Information governance lead", "governance", "ig"},
	{"priya", "Priya Nair", "Ward manager", "nursing", "w7"},
	{"daniel", "Daniel Okoro", "Staff nurse", "nursing", "w7"},
	{"eilidh", "Eilidh Fraser", "Staff nurse", "nursing", "w7"},
	{"marek", "Marek Nowak", "Healthcare assistant", "nursing", "w7"},
	{"bronwen", "Bronwen Llŷr", "Ward clerk", "administration", "w7"},
	{"yusuf", "Yusuf Demir", "Ward pharmacist", "pharmacy", "pharm"},
	{"kate", "Kate Sullivan", "Physiotherapist", "therapy", "therapy"},
	{"hana", "Hana Cole", "Medical SpR (nights)", "medical", "w7"},
	{"ines", "Ines Duarte", "Surgical SpR", "medical", "w5"},
	{"nadia", "Nadia Karim", "Charge nurse", "nursing", "w3"},
	{"owen", "Owen Price", "Staff nurse", "nursing", "w3"},
	{"fatima", "Fatima Siddiqui", "Consultant geriatrician", "medical", "w3"},
	{"george", "George Adeyemi", "Charge nurse", "nursing", "w5"},
	{"lucia", "Lucía Fernández", "ED consultant", "medical", "ed"},
	{"callum", "Callum Byrne", "ED charge nurse", "nursing", "ed"},
	{"wei", "Wei Zhang", "Anaesthetic SpR", "medical", "itu"},
	{"aoife", "Aoife O’Brien", "Critical care outreach nurse", "nursing", "itu"},
	{"sam", "Sam Whitlock", "Switchboard operator (nights)", "switchboard", "switch"},
	{"rob", "Rob Tanner", "Caldicott guardian", "governance", "ig"},
	{"ellie", "Ellie Marsden", "FY1", "medical", "w3"},
}

type post struct {
	directory.Post
	day, night string // logins; "" is nobody
	ladder     []directory.PostID
}

var posts = []post{
	{directory.Post{ID: "po_med_spr", Name: "Medical registrar on call", Service: "Medicine", Aliases: "SpR med reg StR", Critical: true, Pageable: true},
		"liam", "hana", []directory.PostID{"po_med_sho1", "po_med_sho2", "po_site"}},
	{directory.Post{ID: "po_med_sho1", Name: "SHO 1", Service: "Medicine", Aliases: "medical SHO senior house officer", Critical: true, Pageable: true},
		"grace", "grace", []directory.PostID{"po_med_spr", "po_site"}},
	{directory.Post{ID: "po_med_sho2", Name: "SHO 2", Service: "Medicine", Aliases: "medical SHO senior house officer", Critical: true, Pageable: true},
		"", "", []directory.PostID{"po_med_sho1", "po_med_spr"}},
	{directory.Post{ID: "po_fy1_w7", Name: "FY1 Ward 7", Service: "Medicine", Aliases: "house officer F1", Pageable: true},
		"tom", "ellie", []directory.PostID{"po_med_sho1", "po_med_spr"}},
	{directory.Post{ID: "po_nic_w7", Name: "Nurse in charge, Ward 7", Service: "Ward 7", Aliases: "NIC sister", Critical: true, Pageable: true},
		"asha", "eilidh", []directory.PostID{"po_site"}},
	{directory.Post{ID: "po_nic_w3", Name: "Nurse in charge, Ward 3", Service: "Ward 3", Aliases: "NIC sister", Critical: true, Pageable: true},
		"nadia", "owen", []directory.PostID{"po_site"}},
	{directory.Post{ID: "po_nic_w5", Name: "Nurse in charge, Ward 5", Service: "Ward 5", Aliases: "NIC sister", Critical: true, Pageable: true},
		"george", "george", []directory.PostID{"po_site"}},
	{directory.Post{ID: "po_surg_spr", Name: "Surgical registrar on call", Service: "Surgery", Aliases: "SpR surg reg", Critical: true, Pageable: true},
		"ines", "ines", []directory.PostID{"po_surg_sho", "po_site"}},
	{directory.Post{ID: "po_surg_sho", Name: "Surgical SHO", Service: "Surgery", Aliases: "senior house officer", Pageable: true},
		"sofia", "sofia", []directory.PostID{"po_surg_spr"}},
	{directory.Post{ID: "po_stroke", Name: "Stroke registrar", Service: "Stroke", Aliases: "SpR thrombolysis FAST", Critical: true, Pageable: true},
		"ken", "ken", []directory.PostID{"po_med_spr", "po_site"}},
	{directory.Post{ID: "po_anaes", Name: "Anaesthetic registrar", Service: "Critical care", Aliases: "SpR airway gas", Critical: true, Pageable: true},
		"wei", "wei", []directory.PostID{"po_site"}},
	{directory.Post{ID: "po_outreach", Name: "Critical care outreach", Service: "Critical care", Aliases: "CCOT deteriorating NEWS", Pageable: true},
		"aoife", "aoife", []directory.PostID{"po_anaes", "po_med_spr"}},
	{directory.Post{ID: "po_ed_lead", Name: "ED consultant in charge", Service: "Emergency", Aliases: "A&E EPIC", Critical: true, Pageable: true},
		"lucia", "lucia", []directory.PostID{"po_ed_nic", "po_site"}},
	{directory.Post{ID: "po_ed_nic", Name: "ED nurse in charge", Service: "Emergency", Aliases: "A&E NIC", Pageable: true},
		"callum", "callum", []directory.PostID{"po_site"}},
	{directory.Post{ID: "po_pharm", Name: "On-call pharmacist", Service: "Pharmacy", Aliases: "drugs", Pageable: true},
		"yusuf", "yusuf", []directory.PostID{"po_site"}},
	{directory.Post{ID: "po_site", Name: "Site lead", Service: "Site", Aliases: "bed manager bronze", Critical: true, Pageable: true},
		"maya", "maya", nil},
	{directory.Post{ID: "po_switch", Name: "Switchboard", Service: "Site", Aliases: "operator 2222 zero", Critical: true, Pageable: true, Switchboard: true},
		"jo", "sam", nil},
}

// keepers are who keeps which rotas, by service.
var keepers = map[string][]string{"priya": {"Ward 7", "Medicine"}, "maya": {directory.Everything}}

type team struct {
	id, name, detail string
	members          []string
}

var teams = []team{
	{"tm_crash", "Cardiac arrest team", "Medicine and critical care", []string{"liam", "grace", "wei", "aoife"}},
	{"tm_w7", "Ward 7 doctors and nurses", "Cardiology and general medicine", []string{"asha", "daniel", "eilidh", "priya", "tom", "grace", "liam", "ruth"}},
	{"tm_stroke", "Stroke team", "Thrombolysis and HASU", []string{"ken", "lucia", "liam"}},
	{"tm_site", "Site and flow", "Beds, staffing, transport", []string{"maya", "priya", "nadia", "george", "callum"}},
}

// calls are the teams that are called in an emergency.
var calls = []emergency.Team{
	{ID: "et_arrest", Name: "Adult cardiac arrest", Seats: []emergency.Seat{{Post: "po_med_spr", Required: true}, {Post: "po_anaes", Required: true}, {Post: "po_med_sho1", Required: true}, {Post: "po_outreach"}, {Post: "po_site"}}},
	{ID: "et_stroke", Name: "Stroke", Seats: []emergency.Seat{{Post: "po_stroke", Required: true}, {Post: "po_ed_lead", Required: true}, {Post: "po_ed_nic"}}},
}

var patients = []patient.Patient{
	{ID: "pt_smith", NHS: "9434765919", Traced: true, Family: "Smith", Given: "Ann", Title: "Mrs", Born: "1951-03-03", Ward: "Ward 7", Bed: "4", Plate: "B4",
		Hospital: "H 104 223", Consult: "Dr Ruth Cole", Alerts: []string{"Penicillin: anaphylaxis, 2014"}, Needs: []string{"Large print", "Hearing aid left"}},
	{ID: "pt_jones", NHS: "9990000018", Traced: true, Family: "Jones", Given: "Raj", Title: "Mr", Born: "1964-06-17", Ward: "Ward 7", Bed: "12", Plate: "B12",
		Hospital: "H 118 540", Consult: "Dr Ruth Cole", Alerts: []string{"COPD: target SpO₂ 88 to 92 %"}},
	{ID: "pt_okafor", NHS: "9990000042", Traced: true, Family: "Okafor", Given: "Blessing", Title: "Ms", Born: "1988-11-09", Ward: "Ward 7", Bed: "C2", Plate: "C2",
		Hospital: "H 120 077", Consult: "Dr Ruth Cole"},
	{ID: "pt_vdberg", NHS: "9990548609", Traced: true, Family: "Van der Berg", Given: "Wilhelmina", Title: "Mrs", Born: "1939-01-28", Ward: "Ward 7", Bed: "D1", Plate: "D1",
		Hospital: "H 099 812", Consult: "Dr Ruth Cole", Alerts: []string{"Falls risk"}, Needs: []string{"Interpreter: Dutch"}},
	{ID: "pt_taylor", NHS: "9990000174", Traced: true, Family: "Taylor-Brown", Given: "Michaela", Title: "Miss", Born: "1979-07-30", Ward: "Ward 7", Bed: "9A", Plate: "9A",
		Hospital: "H 121 306", Consult: "Dr Ruth Cole"},
	{ID: "pt_hassan", NHS: "9990000239", Traced: true, Family: "Hassan", Given: "Omar", Title: "Mr", Born: "1957-10-12", Ward: "Ward 7", Bed: "B2", Plate: "B2",
		Hospital: "H 110 981", Consult: "Dr Ruth Cole", Alerts: []string{"Warfarin"}},
	{ID: "pt_evans", NHS: "9990000425", Traced: true, Family: "Evans", Given: "Siân", Title: "Mrs", Born: "1946-04-21", Ward: "Ward 3", Bed: "3", Plate: "B3",
		Hospital: "H 087 114", Consult: "Dr Fatima Siddiqui", Needs: []string{"Welsh preferred"}},
	{ID: "pt_jonesr", NHS: "9990000581", Traced: true, Family: "Jones", Given: "Rajesh", Title: "Mr", Born: "1971-02-02", Ward: "Ward 3", Bed: "11", Plate: "B11",
		Hospital: "H 119 447", Consult: "Dr Fatima Siddiqui", Alerts: []string{"Similar name: JONES, Raj on Ward 7"}},
	{ID: "pt_macleod", NHS: "9990000719", Traced: false, Family: "MacLeod", Given: "Iain", Title: "Mr", Born: "1968-12-24", Ward: "Ward 5", Bed: "A3", Plate: "A3",
		Hospital: "H 122 018", Consult: "Ms Ines Duarte"},
	{ID: "pt_chen", NHS: "9990000999", Traced: true, Family: "Chen", Given: "Li", Title: "Ms", Born: "1993-08-15", Ward: "Emergency department", Bed: "R2", Plate: "R2",
		Hospital: "H 122 104", Consult: "Dr Lucía Fernández"},
}
