package clinic

import (
	"context"
	"net/http"
	"time"

	"wardline/clinical/ask"
	"wardline/clinical/conversation"
	"wardline/clinical/directory"
	"wardline/clinical/emergency"
	"wardline/clinical/inbound"
	"wardline/clinical/measure"
	"wardline/clinical/paging"
	"wardline/clinical/patient"
	"wardline/clinical/reach"
	"wardline/clinical/record"
	"wardline/clinical/remind"
	"wardline/clinical/rota"
	"wardline/clinical/staff"
	"wardline/clinical/status"
	"wardline/clinical/switchboard"
	"wardline/clinical/testpage"
	"wardline/edge/httpx"
	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/account"
	"wardline/matrix/id"
	"wardline/matrix/lock"
	"wardline/matrix/media"
	"wardline/matrix/passkey"
)

// Deps are the verbs that the API calls; all are required.
type Deps struct {
	DB            *db.DB
	Directory     *directory.Service
	Rota          *rota.Service
	Staff         *staff.Service
	Status        *status.Service
	Accounts      *account.Service
	Patients      *patient.Service
	Conversations *conversation.Service
	Reminders     *remind.Service
	Asks          *ask.Service
	Paging        *paging.Service
	Record        *record.Service
	Reach         *reach.Service
	Emergency     *emergency.Service
	Ledger        *measure.Ledger
	Inbound       *inbound.Service
	Switchboard   *switchboard.Service
	Tests         *testpage.Service
	Locks         *lock.Service
	Passkeys      *passkey.Service
	Origin        func(r *http.Request) string // the address at which the browser is
	Media         *media.Service
	TryPush       func(ctx context.Context, u id.User, d id.Device) error // tells one's own device that this is a trial
	Now           func() time.Time
	MaxPhotoPx    int   // longest side of a photo that the web app uploads
	MaxPhotoBytes int64 // and its size
}

type handler struct{ Deps }

// Routes returns the table of endpoints.
func Routes(d Deps) []httpx.Route {
	h := &handler{d}
	table := []httpx.Route{
		{Pattern: "GET /_wardline/v1/directory", Handle: h.searchDirectory},
		{Pattern: "GET /_wardline/v1/status", Handle: h.ownStatus},
		{Pattern: "PUT /_wardline/v1/status", Handle: h.setStatus},
		{Pattern: "DELETE /_wardline/v1/status", Handle: h.clearStatus},
		{Pattern: "GET /_wardline/v1/posts", Handle: h.listPosts},
		{Pattern: "GET /_wardline/v1/posts/{id}", Handle: h.onePost},
		{Pattern: "GET /_wardline/v1/patients", Handle: h.wardPatients},
		{Pattern: "POST /_wardline/v1/patients/search", Handle: h.searchPatients},
		{Pattern: "GET /_wardline/v1/patients/{id}", Handle: h.onePatient},
		{Pattern: "POST /_wardline/v1/groups", Handle: h.makeGroup},
		{Pattern: "POST /_wardline/v1/groups/{room}/members", Handle: h.addMembers},
		{Pattern: "POST /_wardline/v1/groups/{room}/roles", Handle: h.setRole},
		{Pattern: "POST /_wardline/v1/groups/{room}/leave", Handle: h.leaveGroup},
		{Pattern: "GET /_wardline/v1/groups/{room}/follows", Handle: h.showFollows},
		{Pattern: "PUT /_wardline/v1/groups/{room}/follows", Handle: h.setFollows},
		{Pattern: "POST /_wardline/v1/groups/{room}/links", Handle: h.makeLink},
		{Pattern: "GET /_wardline/v1/groups/{room}/links", Handle: h.listLinks},
		{Pattern: "DELETE /_wardline/v1/groups/{room}/links/{link}", Handle: h.revokeLink},
		{Pattern: "POST /_wardline/v1/links/look", Handle: h.lookLink},
		{Pattern: "POST /_wardline/v1/links/join", Handle: h.followLink},
		{Pattern: "POST /_wardline/v1/directs", Handle: h.openDirect},
		{Pattern: "POST /_wardline/v1/asks", Handle: h.ask},
		{Pattern: "GET /_wardline/v1/asks", Handle: h.listAsks},
		{Pattern: "POST /_wardline/v1/asks/{id}/close", Handle: h.closeAsk},
		{Pattern: "POST /_wardline/v1/asks/{id}/pass", Handle: h.passAsk},
		{Pattern: "GET /_wardline/v1/reminders", Handle: h.listReminders},
		{Pattern: "PUT /_wardline/v1/rooms/{room}/events/{event}/reminder", Handle: h.remind},
		{Pattern: "DELETE /_wardline/v1/rooms/{room}/events/{event}/reminder", Handle: h.forgetReminder},
		{Pattern: "PUT /_wardline/v1/rooms/{room}/level", Handle: h.setLevel},
		{Pattern: "POST /_wardline/v1/forwards", Handle: h.forward},
		{Pattern: "GET /_wardline/v1/rooms/{room}/events/{event}/info", Handle: h.messageInfo},
		{Pattern: "POST /_wardline/v1/pages/preview", Handle: h.previewPage},
		{Pattern: "POST /_wardline/v1/pages", Handle: h.raisePage},
		{Pattern: "GET /_wardline/v1/pages", Handle: h.listPages},
		{Pattern: "GET /_wardline/v1/pages/{id}", Handle: h.onePage},
		{Pattern: "POST /_wardline/v1/pages/{id}/reached", Handle: h.reachedPage},
		{Pattern: "POST /_wardline/v1/pages/{id}/seen", Handle: h.seenPage},
		{Pattern: "POST /_wardline/v1/pages/{id}/answer", Handle: h.answerPage},
		{Pattern: "POST /_wardline/v1/pages/{id}/reply", Handle: h.replyPage},
		{Pattern: "POST /_wardline/v1/pages/{id}/withdraw", Handle: h.withdrawPage},
		{Pattern: "POST /_wardline/v1/tests/{run}/reached", Handle: h.reachedTest},
		{Pattern: "POST /_wardline/v1/tests/{run}/received", Handle: h.receivedTest},
		{Pattern: "GET /_wardline/v1/measures/pages", Heavy: true, Handle: h.measurePages},
		{Pattern: "GET /_wardline/v1/measures/pages.csv", Heavy: true, Handle: h.measureCSV},
		{Pattern: "GET /_wardline/v1/inbound/setup", Handle: h.inboundSetup},
		{Pattern: "POST /_wardline/v1/inbound/sources", Handle: h.newSource},
		{Pattern: "POST /_wardline/v1/inbound/sources/{id}/token", Handle: h.rotateSource},
		{Pattern: "DELETE /_wardline/v1/inbound/sources/{id}", Handle: h.endSource},
		{Pattern: "PUT /_wardline/v1/inbound/rules", Handle: h.setInboundRules},
		{Pattern: "POST /_wardline/v1/inbound/try", Handle: h.tryInbound},
		{Pattern: "GET /_wardline/v1/interruptions", Handle: h.interruptions},
		{Pattern: "GET /_wardline/v1/policies", Handle: h.listPolicies},
		{Pattern: "GET /_wardline/v1/policies/{post}/{urgency}", Handle: h.onePolicy},
		{Pattern: "PUT /_wardline/v1/policies/{post}/{urgency}", Handle: h.setPolicy},
		{Pattern: "POST /_wardline/v1/decisions", Handle: h.decide},
		{Pattern: "GET /_wardline/v1/lock", Handle: h.lockState},
		{Pattern: "POST /_wardline/v1/lock", Handle: h.shut},
		{Pattern: "POST /_wardline/v1/lock/open", Handle: h.open},
		{Pattern: "POST /_wardline/v1/lock/passkey", Handle: h.askKey},
		{Pattern: "PUT /_wardline/v1/lock/code", Handle: h.setCode},
		{Pattern: "POST /_wardline/v1/lock/code/remove", Handle: h.removeCode},
		{Pattern: "POST /_wardline/v1/push/test", Handle: h.tryPush},
		{Pattern: "GET /_wardline/v1/policy", Handle: h.policy},
		{Pattern: "GET /_wardline/v1/uploads/{media}", Handle: h.uploadState},
		{Pattern: "GET /_wardline/v1/me/reach", Handle: h.myWays},
		{Pattern: "PUT /_wardline/v1/me/reach/{way}", Handle: h.setMyWay},
		{Pattern: "POST /_wardline/v1/me/reach/{way}/test", Handle: h.testMyWay},
		{Pattern: "GET /_wardline/v1/posts/{id}/reach", Handle: h.postWays},
		{Pattern: "PUT /_wardline/v1/posts/{id}/reach/{way}", Handle: h.setPostWay},
		{Pattern: "POST /_wardline/v1/posts/{id}/reach/{way}/test", Handle: h.testPostWay},
		{Pattern: "PUT /_wardline/v1/uploads/{media}", Handle: h.uploadPart},
		{Pattern: "DELETE /_wardline/v1/uploads/{media}", Handle: h.dropUpload},
	}
	table = append(append(append(table, h.rotaRoutes()...), h.staffRoutes()...), append(h.emergencyRoutes(), h.switchboardRoutes()...)...)
	for i := range table {
		table[i].Auth = true
		table[i].Handle = h.staff(table[i].Handle)
	}
	return append(table, httpx.Route{Pattern: "GET /_wardline/v1/calendar/{secret}/duties.ics", Handle: h.calendar},
		httpx.Route{Pattern: "POST /_wardline/v1/carriers/{way}/receipt", Handle: h.receipt},
		httpx.Route{Pattern: "POST /_wardline/v1/inbound", Handle: h.takeInbound},
		httpx.Route{Pattern: "GET /_wardline/v1/inbound/{id}", Handle: h.oneInbound})
}

// staff lets only people of the directory in.
func (h *handler) staff(next httpx.Handler) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request, a account.Actor) error {
		if p, err := directory.FindPerson(r.Context(), h.DB, a.User); fault.Is(err, fault.NotFound) || err == nil && p.Left() {
			return fault.Wrap(fault.Hidden, "M_NOT_FOUND", "Not found.", err)
		} else if err != nil {
			return err
		}
		return next(w, r, a)
	}
}

// maxBody bounds every body of this API.
const maxBody = 32 << 10

// maxList bounds every list in an answer.
const maxList = 100

// limit reads how many results are wanted.
func limit(r *http.Request, def int) (int, error) {
	n, err := httpx.Query(r, "limit", def)
	return min(n, maxList), err
}
