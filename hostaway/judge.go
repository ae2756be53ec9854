package hostaway

// judge.go: what an HTTP answer means (Hostaway docs, Errors, and live answers: the error page of the documentation is unwritten).

import (
	"net/http"
	"strings"
)

// oauthDenial begins the sentence by which a 403 means "this token does not work". Every other 403 is a refusal of the matter.
const oauthDenial = "the resource owner or authorization server denied the request"

// judge tells success from failure, and opens the envelope of a success. secrets are kept out of messages.
func judge(ans *answer, what call, secrets ...string) *failure {
	env, enveloped := openEnvelope(ans.body)
	o, isObject := readObject(ans.body)
	reason := ""
	if isObject {
		reason = tidy(failureText(o), secrets...)
	}
	switch {
	case ans.status == http.StatusTooManyRequests:
		return failing(ans, RateLimited, reason, "Hostaway's rate limit is used up").with(func(f *failure) { f.limited = true })
	case ans.status >= 500 || ans.status == http.StatusRequestTimeout:
		return failing(ans, Unavailable, "", "Hostaway has a fault of its own")
	case ans.status == http.StatusNotFound:
		return failing(ans, NotFound, reason, "Hostaway has no such row")
	case ans.status >= 400:
		return judgeRefusal(ans, o, reason)
	case ans.status < 200 || ans.status >= 300:
		return failing(ans, BadAnswer, "", "Hostaway sent the call elsewhere")
	case enveloped && env.failed:
		return judgeRefusal(ans, o, reason)
	case !enveloped && !what.plain:
		return failing(ans, BadAnswer, "", "Hostaway's answer could not be understood")
	}
	ans.envelope = env
	return nil
}

// judgeRefusal sorts the refusals: a denied token, a row that is not there, and all others.
func judgeRefusal(ans *answer, o object, reason string) *failure {
	lower := strings.ToLower(reason)
	tokenDenied := strings.Contains(lower, oauthDenial)
	if ans.status == http.StatusUnauthorized || ans.status == http.StatusForbidden && tokenDenied {
		f := failing(ans, Refused, "", "Hostaway denies the access token: check that the API key is still active in Hostaway's dashboard")
		name, _ := readText(o["error"])
		f.err.oauthDenied = tokenDenied || oauthRefusals[name]
		f.denied = true
		return f
	}
	if strings.Contains(lower, "not found") || strings.Contains(lower, "does not exist") {
		return failing(ans, NotFound, reason, "Hostaway has no such row")
	}
	f := failing(ans, Refused, reason, "Hostaway refused without giving a reason")
	name, _ := readText(o["error"])
	f.err.oauthDenied = oauthRefusals[name]
	return f
}

func failing(ans *answer, code Code, reason, fallback string) *failure {
	if reason == "" {
		reason = fallback
	}
	return &failure{err: &Error{Status: ans.status, Code: code, Message: reason}}
}

func (f *failure) with(change func(*failure)) *failure {
	change(f)
	return f
}
