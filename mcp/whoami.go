// hostaway_whoami: the first thing to ask when anything is unclear. It works without a connection and says how to get one.

package mcp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/store"
)

type whoamiIn struct{}

type whoamiOut struct {
	Org            string `json:"org"`
	APIKey         string `json:"api_key_name"`
	Connection     string `json:"connection" enum:"connected,refused,not_connected"`
	AccountID      int64  `json:"hostaway_account_id,omitempty"`
	ActiveListings *int   `json:"active_listings,omitempty"`
	CountedAt      string `json:"counted_at,omitempty"`
	Access         string `json:"access,omitempty"` // absent where nobody pays
	NextStep       string `json:"next_step,omitempty"`
	ServerVersion  string `json:"server_version"`
}

// whoamiWait is how long Hostaway may take to count before the last known figure is given.
const whoamiWait = 10 * time.Second

func whoamiTools(version, howToConnect string) []Tool {
	return []Tool{newTool(spec{
		Name: "hostaway_whoami", Title: "Who am I",
		Description:      "The organization and API key in use, whether Hostaway is connected, and its number of active listings. Works without a connection.",
		HostawayOptional: true, WithoutAccess: true,
	}, func(ctx context.Context, c Caller, _ whoamiIn) (whoamiOut, error) {
		return whoami(ctx, c, version, howToConnect)
	})}
}

func whoami(ctx context.Context, c Caller, version, howToConnect string) (whoamiOut, error) {
	out := whoamiOut{Org: c.Org.Name(), APIKey: c.Key.Name, ServerVersion: version}
	if access := c.Org.Access().Access; access != store.AccessExempt {
		out.Access = string(access)
	}
	if err := whoamiConnection(ctx, c, &out, howToConnect); err != nil {
		return whoamiOut{}, err
	}
	if c.noAccess != nil {
		out.NextStep = c.noAccess.Error()
	}
	return out, nil
}

// whoamiConnection tells what is known of the connection, and asks Hostaway where it may.
func whoamiConnection(ctx context.Context, c Caller, out *whoamiOut, howToConnect string) error {
	connection, err := c.Org.Connection(ctx)
	if errors.Is(err, store.ErrNotFound) {
		out.Connection = "not_connected"
		out.NextStep = "Ask the person to connect their Hostaway account " + howToConnect + "."
		return nil
	}
	if err != nil {
		return fmt.Errorf("read connection: %w", err)
	}
	out.Connection, out.AccountID, out.ActiveListings = string(connection.State), connection.AccountID, connection.ListingCount
	if connection.CountedAt != nil {
		out.CountedAt = connection.CountedAt.UTC().Format(time.RFC3339)
	}
	if connection.State == store.ConnectionConnected && c.Hostaway != nil {
		if err := countListings(ctx, c, out); err != nil {
			return err
		}
	}
	if out.Connection == string(store.ConnectionRefused) {
		out.NextStep = "Hostaway refuses the credentials: ask the person to reconnect " + howToConnect + "."
	}
	return nil
}

// countListings asks Hostaway; when it does not answer, the last known figure stays, with its time.
func countListings(ctx context.Context, c Caller, out *whoamiOut) error {
	asking, stop := context.WithTimeout(ctx, whoamiWait)
	defer stop()
	count, err := c.Hostaway.CountActiveListings(asking)
	var upstream *hostaway.Error
	switch {
	case err == nil:
		out.ActiveListings, out.CountedAt = &count, c.Now.UTC().Format(time.RFC3339)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &upstream) && upstream.Code == hostaway.CredentialsRefused:
		out.Connection = string(store.ConnectionRefused)
	case out.ActiveListings == nil:
		out.NextStep = "Hostaway did not answer just now, so the number of listings is not known: try again in a minute."
	default:
		out.NextStep = "Hostaway did not answer just now, so the figure is the last known one: try again in a minute."
	}
	return nil
}
