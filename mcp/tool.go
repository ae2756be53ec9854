// A tool is a pair of structs and a function: In and Out are its schemas, the hints follow from whether it reads or writes,
// and everything that is the same for all tools (binding, budget, confirmation) happens here and never in a tool.

package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	protocol "github.com/mark3labs/mcp-go/mcp"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/store"
)

// Caller is who calls a tool, and all that a tool may reach on their behalf. Its Hostaway client was made from the credentials
// of this very Org, so a tool has no way to another org's account.
type Caller struct {
	Org *store.Org
	Key store.APIKey
	// Hostaway is nil only in tools whose spec says WithoutHostaway or HostawayOptional.
	Hostaway *hostaway.Client
	// Now is the instant at which the call was accepted.
	Now time.Time
	// Progress tells a client that asked for it how far a long call is. It may be called as often as one likes (it is thinned
	// out), never fails and never blocks for long; nothing that matters may be said through it alone, for clients may drop it.
	// total is 0 when unknown.
	Progress func(done, total int, text string)

	noAccess *refusal // why the org may call no tools; for tools that answer all the same

	begun func() // notes that the confirmed change begins; nil where nobody asks
}

// spec is what a tool says about itself, beyond its schemas.
type spec struct {
	// Name is what clients call: hostaway_ and snake_case, at most 40 characters.
	Name string
	// Title is the name shown to people.
	Title string
	// Description is for the model: what the tool does, and nothing about other servers' tools.
	Description string
	// WithoutHostaway marks the tools that work before Hostaway is connected.
	WithoutHostaway bool
	// HostawayOptional marks the tools that are called with a nil Caller.Hostaway when there is no connection.
	HostawayOptional bool
	// WithoutAccess marks the tools that answer although billing lets the org call none; they ask nothing of Hostaway then.
	WithoutAccess bool
	// OnlyAdds marks a write that creates something and neither changes nor removes what is there.
	OnlyAdds bool
}

// Tool is one tool of the catalogue. Make it with newTool or newWriteTool.
type Tool struct {
	spec
	writes bool
	input  *node
	output *node
	run    func(ctx context.Context, c Caller, args json.RawMessage) (any, error)
}

// newTool makes a tool that reads. It panics when In or Out have no schema or a field of In lacks a description: a catalogue
// with such a tool must not start.
func newTool[In, Out any](s spec, handle func(ctx context.Context, c Caller, in In) (Out, error)) Tool {
	input, output := inputNode[In](s.Name), outputNode[Out](s.Name)
	return Tool{spec: s, input: input, output: output, run: func(ctx context.Context, c Caller, args json.RawMessage) (any, error) {
		var in In
		if err := bind(input, args, reflect.ValueOf(&in).Elem()); err != nil {
			return nil, err
		}
		return handle(ctx, c, in)
	}}
}

// written is what a tool that writes answers: first the preview and the token, then the result.
type written[Preview, Out any] struct {
	Status       string   `json:"status" enum:"preview,done"`
	Preview      *Preview `json:"preview,omitempty"`
	ConfirmToken string   `json:"confirm_token,omitempty"`
	ExpiresAt    string   `json:"expires_at,omitempty"`
	NextStep     string   `json:"next_step,omitempty"`
	Result       *Out     `json:"result,omitempty"`
}

// newWriteTool makes a tool that changes something in Hostaway. Called without confirm_token it runs preview and answers with a
// token; called again with the same arguments and the token it runs apply. preview must not change anything.
func newWriteTool[In, Preview, Out any](
	s spec,
	preview func(ctx context.Context, c Caller, in In) (Preview, error),
	apply func(ctx context.Context, c Caller, in In) (Out, error),
) Tool {
	input, output := inputNode[In](s.Name).withConfirmToken(), outputNode[written[Preview, Out]](s.Name)
	return Tool{spec: s, writes: true, input: input, output: output, run: func(ctx context.Context, c Caller, args json.RawMessage) (any, error) {
		args, token, err := takeConfirmToken(args)
		if err != nil {
			return nil, err
		}
		var in In
		if err := bind(input, args, reflect.ValueOf(&in).Elem()); err != nil {
			return nil, err
		}
		if token == "" {
			shown, err := preview(ctx, c, in)
			if err != nil {
				return nil, err
			}
			return offerConfirmation[Preview, Out](ctx, c, s.Name, in, shown)
		}
		if err := useConfirmation(ctx, c, s.Name, in, token); err != nil {
			return nil, err
		}
		if c.begun != nil {
			c.begun()
		}
		done, err := apply(ctx, c, in)
		if err != nil {
			return nil, err
		}
		return written[Preview, Out]{Status: statusDone, Result: &done}, nil
	}}
}

// outputDepth is how many levels of objects an output schema spells out. Rows are left open: their names say what they are, and
// every client pays for every byte of tools/list in every conversation.
const outputDepth = 1

// definition is the tool as clients are sent it. The hints follow from reads or writes alone; idempotentHint is left out, for it
// means nothing beside readOnlyHint and is false for the rest by default.
func (t Tool) definition() protocol.Tool {
	reads, destroys := !t.writes, t.writes && !t.OnlyAdds
	hints := protocol.ToolAnnotation{ReadOnlyHint: &reads, DestructiveHint: &destroys, OpenWorldHint: &t.writes}
	return protocol.Tool{
		Name: t.Name, Title: t.Title, Description: t.Description, Annotations: hints,
		RawInputSchema: t.input.schema(true, 1<<10), RawOutputSchema: t.output.schema(false, outputDepth),
	}
}

func inputNode[In any](tool string) *node {
	n, err := nodeFor(reflect.TypeFor[In](), true)
	if err != nil {
		panic(fmt.Sprintf("tool %s: arguments: %v", tool, err))
	}
	return n
}

func outputNode[Out any](tool string) *node {
	n, err := nodeFor(reflect.TypeFor[Out](), false)
	if err != nil {
		panic(fmt.Sprintf("tool %s: answer: %v", tool, err))
	}
	return n
}
