// Confirmation of writes: the preview comes with a token that is good once, for ten minutes, for this org, key, tool and these
// exact arguments. The store keeps only its hash.

package mcp

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

const (
	statusPreview = "preview"
	statusDone    = "done"

	confirmTokenName = "confirm_token"
	confirmTokenHelp = "leave out for a preview; send the preview's to make the change"
	confirmTTL       = 10 * time.Minute
)

func takeConfirmToken(args json.RawMessage) (rest json.RawMessage, token string, err error) {
	var object map[string]json.RawMessage
	_ = json.Unmarshal(args, &object) // whatever is wrong with the rest is bind's to say
	if object[confirmTokenName] == nil {
		return args, "", nil
	}
	if json.Unmarshal(object[confirmTokenName], &token) != nil {
		return nil, "", refuseArgument("The argument confirm_token is not text.", "Send the token of the preview as it was given, or leave it out.")
	}
	delete(object, confirmTokenName)
	rest, err = json.Marshal(object)
	if err != nil {
		return nil, "", fmt.Errorf("take confirm token: %w", err)
	}
	return rest, strings.TrimSpace(token), nil
}

// argumentsHash is the same for arguments that mean the same, in whatever order or spelling they came: it is made from In.
func argumentsHash(in any) ([]byte, error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("hash arguments: %w", err)
	}
	sum := sha256.Sum256(raw)
	return sum[:], nil
}

func offerConfirmation[Preview, Out any](ctx context.Context, c Caller, tool string, in any, shown Preview) (any, error) {
	hash, err := argumentsHash(in)
	if err != nil {
		return nil, err
	}
	token, expires, err := c.Org.CreateConfirmation(ctx, store.Confirmation{KeyID: c.Key.ID, Tool: tool, ArgumentsHash: hash, TTL: confirmTTL})
	if err != nil {
		return nil, fmt.Errorf("create confirmation: %w", err)
	}
	return written[Preview, Out]{
		Status: statusPreview, Preview: &shown, ConfirmToken: token.Reveal(), ExpiresAt: expires.UTC().Format(time.RFC3339),
		NextStep: "Nothing has changed yet. Show the preview to the person; when they agree, call again with the same arguments and this confirm_token.",
	}, nil
}

func useConfirmation(ctx context.Context, c Caller, tool string, in any, token string) error {
	hash, err := argumentsHash(in)
	if err != nil {
		return err
	}
	err = c.Org.UseConfirmation(ctx, secret.New(token), c.Key.ID, tool, hash)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrExpired) {
		// One answer for wrong, used, expired and foreign tokens: which it was is nobody's business.
		return &refusal{
			what: "The confirm_token is not valid for this change, so this call changed nothing.",
			next: "If the same token was sent before, that call may have made the change: look before trying again. " +
				"Ask for a new preview by calling again without confirm_token, then send the new token with exactly the same arguments within 10 minutes.",
			code: codeConfirmation,
		}
	}
	if err != nil {
		return fmt.Errorf("use confirmation: %w", err)
	}
	return nil
}
