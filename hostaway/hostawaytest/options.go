// Everything about the fake that can be set, at the start and while it runs.
package hostawaytest

import "time"

// Options sets up a Server. The zero value behaves like the real API with generous limits: tokens work one second after
// they were issued, live 731 days, lists come without page and totalPages, error texts stand in message.
type Options struct {
	// Now is the clock of tokens, limits and changed rows; nil means time.Now.
	Now func() time.Time
	// ActivationDelay is how long a fresh token is refused; 0 means one second, negative none.
	ActivationDelay time.Duration
	// ExpiresIn is the lifetime of a token; 0 means 731 days.
	ExpiresIn time.Duration
	// WrapToken puts the token answer into {status, result}, as one client has seen it.
	WrapToken bool
	// Limits are off unless set; see OldLimits and NewLimits.
	Limits Limits
	// Envelope switches the shapes in which Hostaway has been seen to answer.
	Envelope Envelope
}

// Rate allows Calls calls in any window of length Per. The zero Rate allows everything.
type Rate struct {
	Calls int
	Per   time.Duration
}

// Limits are the sliding windows of the API. Endpoints with a counter of their own do not use up the general pools.
type Limits struct {
	Account, IP                  Rate
	Messages, CreateReservations Rate
}

// OldLimits are the numbers of the docs up to 2026-07: 20 calls in 10 s per account, 15 per address.
func OldLimits() Limits {
	return Limits{Account: Rate{20, 10 * time.Second}, IP: Rate{15, 10 * time.Second}}
}

// NewLimits are the numbers of the docs since 2026-08-20.
func NewLimits() Limits {
	pool := Rate{200, 10 * time.Second}
	return Limits{
		Account: pool, IP: pool, CreateReservations: pool,
		Messages: Rate{30, time.Minute},
	}
}

// Envelope says which of the observed envelope shapes to use.
type Envelope struct {
	// PageKeys adds page and totalPages to lists.
	PageKeys bool
	// NoCount leaves count out of lists.
	NoCount bool
	// CountAsString sends count as "12".
	CountAsString bool
	// ErrorsInResult puts the error text into result instead of message.
	ErrorsInResult bool
	// FailWith200 answers every refusal of the application with HTTP 200 and status fail; otherwise only rejected listing changes do.
	FailWith200 bool
}

const (
	defaultActivation = time.Second
	defaultLifetime   = 731 * 24 * time.Hour
)

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.ActivationDelay == 0 {
		o.ActivationDelay = defaultActivation
	}
	if o.ExpiresIn == 0 {
		o.ExpiresIn = defaultLifetime
	}
	return o
}
