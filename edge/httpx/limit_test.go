package httpx_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"wardline/edge/httpx"
	"wardline/matrix/account"
)

// limited serves routes behind a limiter that lets each person and address make one call.
func limited(routes ...string) func(method, path, from string, a account.Actor) int {
	l := &httpx.Limiter{Writes: httpx.Rate{PerMinute: 1, Burst: 1}, SignIns: httpx.Rate{PerMinute: 1, Burst: 1}}
	var who account.Actor
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
			if l.Admit(r, who) != nil {
				w.WriteHeader(http.StatusTooManyRequests)
			}
		})
	}
	return func(method, path, from string, a account.Actor) int {
		who = a
		r, w := httptest.NewRequest(method, path, nil), httptest.NewRecorder()
		r.RemoteAddr = from
		mux.ServeHTTP(w, r)
		return w.Code
	}
}

func TestLimiter(t *testing.T) {
	const send = "PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}"
	t.Run("OK", func(t *testing.T) {
		ask := limited("POST /_matrix/client/v4/sync", "POST /_matrix/client/v3/refresh", "GET /_matrix/client/v3/profile/{userId}")
		for range 3 {
			for _, call := range [][2]string{{"POST", "/_matrix/client/v4/sync"}, {"POST", "/_matrix/client/v3/refresh"}, {"GET", "/_matrix/client/v3/profile/validity"}} {
				if got := ask(call[0], call[1], "192.0.2.1:1", account.Actor{}); got != 200 {
					t.Errorf("%v: got %d", call, got)
				}
			}
		}
	})
	t.Run("ATransactionNamedLikeAFreeCallIsNotFree", func(t *testing.T) {
		ask := limited(send)
		asha := account.Actor{User: "@asha:hs1"}
		ask("PUT", "/_matrix/client/v3/rooms/!r/send/m.room.message/1", "192.0.2.1:1", asha)
		for _, txn := range []string{"2", "sync", "refresh"} {
			if got := ask("PUT", "/_matrix/client/v3/rooms/!r/send/m.room.message/"+txn, "192.0.2.1:1", asha); got != 429 {
				t.Errorf("transaction %s: got %d, want 429", txn, got)
			}
		}
	})
	t.Run("WhatCanBeGuessedIsCounted", func(t *testing.T) {
		for _, path := range []string{"/_oauth/link", "/_matrix/client/v3/register/available", "/_matrix/client/v1/register/m.login.registration_token/validity"} {
			ask := limited("GET " + path)
			if first, second := ask("GET", path+"?user_code=A", "192.0.2.1:1", account.Actor{}), ask("GET", path+"?user_code=B", "192.0.2.1:1", account.Actor{}); first != 200 || second != 429 {
				t.Errorf("%s: got %d and %d, want 200 and 429", path, first, second)
			}
		}
	})
	t.Run("OneHouseIsOneAddress", func(t *testing.T) {
		ask := limited("POST /_matrix/client/v3/login")
		for _, one := range []struct {
			from string
			want int
		}{{"[2001:db8:1:2::1]:1", 200}, {"[2001:db8:1:2:ffff::9]:1", 429}, {"[2001:db8:1:3::1]:1", 200}, {"192.0.2.1:1", 200}, {"192.0.2.2:1", 200}} {
			if got := ask("POST", "/_matrix/client/v3/login", one.from, account.Actor{}); got != one.want {
				t.Errorf("from %s: got %d, want %d", one.from, got, one.want)
			}
		}
	})
}
