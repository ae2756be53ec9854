// Access tokens: issued to a client id and secret, good after the activation delay, refused with the OAuth sentence otherwise.
package hostawaytest

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const denial = "The resource owner or authorization server denied the request."

type token struct {
	account           *Account
	validFrom, expiry time.Time
	revoked           bool
}

func denied() reply { return transportError(http.StatusForbidden, denial) }

func (s *Server) answerToken(w http.ResponseWriter, x *exchange) reply {
	if answer, refused := s.limitAddress(w, x.request); refused {
		return answer
	}
	switch x.request.Method {
	case http.MethodPost:
		return s.issueToken(x)
	case http.MethodDelete:
		return s.revokeToken(x)
	}
	return transportError(http.StatusNotFound, "Resource not found")
}

func (s *Server) issueToken(x *exchange) reply {
	form := url.Values{}
	if strings.HasPrefix(x.request.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, _ = url.ParseQuery(string(x.body)) // a malformed form has no client_id, which is refused below
	}
	if form.Get("grant_type") != "client_credentials" {
		return oauthError(http.StatusBadRequest, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server.")
	}
	if scope := form.Get("scope"); scope != "general" {
		return oauthError(http.StatusBadRequest, "invalid_scope", "The requested scope is invalid, unknown, or malformed")
	}
	id, err := strconv.ParseInt(form.Get("client_id"), 10, 64)
	s.mu.Lock()
	defer s.mu.Unlock()
	account := s.accounts[id]
	if err != nil || account == nil || subtle.ConstantTimeCompare([]byte(form.Get("client_secret")), []byte(account.world.secret)) != 1 {
		return oauthError(http.StatusUnauthorized, "invalid_client", "Client authentication failed")
	}
	x.account = account
	return s.newToken(account)
}

// newToken runs with s.mu held.
func (s *Server) newToken(account *Account) reply {
	s.serial++
	now := s.now()
	lifetime := s.options.ExpiresIn
	text := jwt(account.ID, s.serial, now, lifetime)
	s.tokens[text] = &token{account: account, validFrom: now.Add(s.options.ActivationDelay), expiry: now.Add(lifetime)}
	o := newObject().set("token_type", "Bearer").set("expires_in", int64(lifetime/time.Second)).set("access_token", text).done()
	if s.options.WrapToken {
		return ok(o)
	}
	return reply{status: http.StatusOK, raw: o, contentType: "application/json"}
}

func oauthError(status int, code, text string) reply {
	o := newObject().set("error", code).set("error_description", text).set("message", text)
	return reply{status: status, raw: o.done(), contentType: "application/json"}
}

func (s *Server) revokeToken(x *exchange) reply {
	if x.account = s.accountOf(x.request); x.account == nil {
		return denied()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[x.query.get("token")]; t != nil && t.account == x.account {
		t.revoked = true
	}
	return ok([]int{})
}

// accountOf gives the account whose usable token the request carries, or nil.
func (s *Server) accountOf(r *http.Request) *Account {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tokens[strings.TrimSpace(text)]
	now := s.now()
	if t == nil || t.revoked || now.Before(t.validFrom) || !now.Before(t.expiry) {
		return nil
	}
	return t.account
}

// revokeTokens makes every token of the account invalid.
func (s *Server) revokeTokens(account *Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		if t.account == account {
			t.revoked = true
		}
	}
}

// jwt makes a token with the claims and the length of a real one; its signature is drawn, not computed.
func jwt(accountID, serial int64, now time.Time, lifetime time.Duration) string {
	d := newDice(accountID, streamToken, serial, now.UnixNano())
	random := make([]byte, 256+32)
	for i := range random {
		random[i] = byte(d.next())
	}
	claims := newObject().set("aud", strconv.FormatInt(accountID, 10)).set("jti", fmt.Sprintf("%x", random[256:])).
		set("iat", now.Unix()).set("nbf", now.Unix()).set("exp", now.Add(lifetime).Unix()).set("sub", "").
		set("scopes", []string{"general"}).set("secretId", serial).done()
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"typ":"JWT","alg":"RS256"}`)) + "." + encode(claims) + "." + encode(random[:256])
}
