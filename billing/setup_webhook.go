// The webhook endpoint that setup makes or keeps, and whether the signing secret in
// force is that of it: Stripe tells a secret only once, when it makes the endpoint.

package billing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v76"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// newEndpointAdvice is the way out for who has not got the secret of an endpoint.
const newEndpointAdvice = "run `hostaway-mcp billing setup --new-endpoint`, which makes an endpoint with a secret of its own and prints that, and set HMCP_STRIPE_WEBHOOK_SECRET to it"

func (s *setup) webhook(ctx context.Context) (err error) {
	if s.known, err = s.Store.StripeSetups(ctx); err != nil {
		return err
	}
	address := s.BaseURL + WebhookPath
	here, err := s.stripe.endpoints(ctx)
	if err != nil {
		return err
	}
	here = slices.DeleteFunc(here, func(e stripeEndpoint) bool { return e.URL != address || e.Status == "disabled" })
	if e, ok := s.toKeep(here); ok {
		for _, other := range here {
			if other.ID != e.ID {
				s.say("webhook endpoint %s posts to the same address too: disable it in Stripe's dashboard, once its secret is not needed any more", other.ID)
			}
		}
		return s.keepEndpoint(ctx, e)
	}
	if err := s.makeEndpoint(ctx, address); err != nil {
		return err
	}
	for _, other := range here {
		why := ""
		if other.APIVersion != stripe.APIVersion {
			why = " in API version " + orAccounts(other.APIVersion)
		}
		s.say("webhook endpoint %s posts to the same address%s: disable it in Stripe's dashboard once the new secret is in use", other.ID, why)
		s.report.Others = append(s.report.Others, other.ID)
		s.report.OtherInForce = s.report.OtherInForce || s.inForce(other.ID) || slices.ContainsFunc(s.WebhookSecrets, s.madeByHand)
	}
	return nil
}

// toKeep is the endpoint that nothing has to take the place of: that whose secret is in
// force, where there are several.
func (s *setup) toKeep(here []stripeEndpoint) (found stripeEndpoint, ok bool) {
	for _, e := range here {
		if s.NewEndpoint || e.APIVersion != stripe.APIVersion {
			continue
		}
		if !ok || s.inForce(e.ID) && !s.inForce(found.ID) {
			found, ok = e, true
		}
	}
	return found, ok
}

func (s *setup) makeEndpoint(ctx context.Context, address string) error {
	e, err := s.stripe.createEndpoint(ctx, address, s.keys+":webhook")
	if err != nil {
		return err
	}
	s.report.WebhookSecret, s.record.EndpointID, s.record.EndpointURL = secret.New(e.Secret), e.ID, e.URL
	if err := s.Store.SaveStripeSetup(ctx, s.report.WebhookSecret, s.record); err != nil && !errors.Is(err, store.ErrNotReplicated) {
		return err
	}
	s.changed("webhook endpoint %s made: %s, API version %s, %d kinds of event", e.ID, e.URL, e.APIVersion, len(e.Events))
	return nil
}

func orAccounts(version string) string {
	if version == "" {
		return "of the account"
	}
	return version
}

// keepEndpoint sees that the endpoint is told of all that is needed.
func (s *setup) keepEndpoint(ctx context.Context, e stripeEndpoint) error {
	want := subscribedEvents()
	missing := slices.ContainsFunc(want, func(kind string) bool { return !slices.Contains(e.Events, kind) && !slices.Contains(e.Events, "*") })
	if missing || slices.Contains(e.Events, "invoice.created") {
		if _, err := s.stripe.setEvents(ctx, e.ID, want, s.keys+":webhook"); err != nil {
			return err
		}
		s.changed("webhook endpoint %s is there; its kinds of event were set anew", e.ID)
	} else {
		s.say("webhook endpoint %s is there", e.ID)
	}
	return s.judgeSecret(ctx, e)
}

// judgeSecret compares the secrets in force with that which an earlier run printed for
// the endpoint. One that was made by hand, or rolled, is proven by its events alone.
func (s *setup) judgeSecret(ctx context.Context, e stripeEndpoint) error {
	if s.inForce(e.ID) {
		return nil
	}
	if slices.ContainsFunc(s.WebhookSecrets, s.madeByHand) {
		proven, err := s.proven(ctx)
		if proven || err != nil {
			return err
		}
	}
	printed := slices.ContainsFunc(s.known, func(made store.StripeSetup) bool { return made.EndpointID == e.ID })
	do := fmt.Sprintf("set HMCP_STRIPE_WEBHOOK_SECRET to the secret of %s; if nobody has it, %s", e.ID, newEndpointAdvice)
	switch {
	case len(s.WebhookSecrets) == 0 && printed:
		s.report.Doubt = &SettingError{fmt.Sprintf("the secret of the webhook endpoint %s was printed once and is not told again, and HMCP_STRIPE_WEBHOOK_SECRET is not set here", e.ID), do}
	case len(s.WebhookSecrets) > 0 && !slices.ContainsFunc(s.WebhookSecrets, s.madeByHand):
		s.report.SecretWrong = true
		s.report.Doubt = &SettingError{
			fmt.Sprintf("HMCP_STRIPE_WEBHOOK_SECRET holds the secret of another webhook endpoint (%s), and events come from %s", strings.Join(s.endpointsInForce(), ", "), e.ID), do,
		}
	case printed:
		s.report.Doubt = &SettingError{
			fmt.Sprintf("HMCP_STRIPE_WEBHOOK_SECRET is not the secret that was printed for the webhook endpoint %s, so it is wrong unless it was rolled in Stripe's dashboard since; no event was verified by it yet", e.ID), do,
		}
	default:
		s.say("its secret is not known here: copy it from Stripe's dashboard (Developers, Webhooks) into HMCP_STRIPE_WEBHOOK_SECRET, or have another endpoint made with --new-endpoint")
	}
	return nil
}

// inForce tells whether a secret that was printed for the endpoint is in force.
func (s *setup) inForce(endpointID string) bool {
	return slices.Contains(s.endpointsInForce(), endpointID)
}

// endpointsInForce are those for which the secrets in force were printed.
func (s *setup) endpointsInForce() (ids []string) {
	for _, made := range s.known {
		if slices.ContainsFunc(s.WebhookSecrets, made.Of) {
			ids = append(ids, made.EndpointID)
		}
	}
	return ids
}

// madeByHand tells whether no run of setup here printed that secret.
func (s *setup) madeByHand(one secret.Text) bool {
	return !slices.ContainsFunc(s.known, func(made store.StripeSetup) bool { return made.Of(one) })
}

// proven tells whether a secret of unknown origin has verified an event.
func (s *setup) proven(ctx context.Context) (bool, error) {
	seen, err := s.Store.WebhookSecrets(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(seen, func(w store.WebhookSecret) bool {
		return w.VerifiedAt != nil && slices.ContainsFunc(s.WebhookSecrets, func(one secret.Text) bool { return w.Of(one) && s.madeByHand(one) })
	}), nil
}
