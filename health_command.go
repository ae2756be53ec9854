// The health command: for containers, which have no other program to ask with.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
)

func healthCommand() command {
	return command{
		path:  "health",
		about: "Ask the running server whether it answers; for a container's health check",
		more:  "It asks /livez where the settings say that the server listens. The exit code is 0 when it answers, else 1.",
		prepare: func(*flag.FlagSet) action {
			return func(ctx context.Context, p *process, _ []string) error { return p.health(ctx) }
		},
	}
}

func (p *process) health(ctx context.Context) error {
	c, err := p.config()
	if err != nil {
		return err
	}
	d := &doctor{process: p, config: c}
	address := localURL(c) + "/livez"
	v, err := d.ask(ctx, localTransport(), address)
	if err != nil {
		return failed(err, fmt.Sprintf("the server does not answer on %s (%v)", address, rootCause(err)), "look at its log")
	}
	if v.StatusCode != http.StatusOK {
		return failed(nil, fmt.Sprintf("%s answers %s", address, v.Status), "look at what listens there")
	}
	_, err = fmt.Fprintln(p.out, "The server answers.")
	return err
}
