// The private store of stdio: one org for the person at this computer, so that
// their calls go through the same doors as everybody's.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

const (
	localOrg     = "This computer"
	localEmail   = "me@localhost.localdomain"
	localKeyName = "stdio"
	localKeyFile = "stdio.key"
)

// localHome is the private store and the account it is for.
type localHome struct {
	store     *store.Store
	dataDir   string
	accountID int64
	secret    secret.Text
}

// open makes what is missing (the org, its connection, its key) and returns
// the key. Several clients may start at once, each with a process of its own:
// whoever comes second takes what the first one made.
func (h localHome) open(ctx context.Context) (secret.Text, error) {
	org, err := h.org(ctx)
	if err != nil {
		return secret.Text{}, err
	}
	if err := h.connect(ctx, org); err != nil {
		return secret.Text{}, err
	}
	return h.key(ctx, org)
}

func (h localHome) org(ctx context.Context) (*store.Org, error) {
	org, err := h.findOrg(ctx)
	if err != nil || org != nil {
		return org, err
	}
	org, _, err = h.store.CreateOrg(ctx, store.NewOrg{
		Name: localOrg, Email: localEmail, MemberName: "Me", Password: secret.New(rand.Text()),
	}, systemActor())
	if errors.Is(err, store.ErrConflict) {
		org, err = h.findOrg(ctx)
	}
	if err != nil {
		return nil, storeProblem(h.dataDir, err)
	}
	return org, nil
}

// findOrg returns the org made by an earlier run, or nil in a new store. A
// store with other orgs is a server's, and not ours to add to.
func (h localHome) findOrg(ctx context.Context) (*store.Org, error) {
	var found *store.Org
	others := 0
	for org, err := range h.store.EachOrg(ctx) {
		switch {
		case err != nil:
			return nil, storeProblem(h.dataDir, err)
		case org.Name() == localOrg:
			found = org
		default:
			others++
		}
	}
	if others > 0 {
		return nil, misused(fmt.Sprintf("the data folder %s belongs to a server", h.dataDir),
			"leave HMCP_DATA_DIR unset for stdio, or use that server with --url")
	}
	return found, nil
}

// connect stores the credentials when they are new or have changed.
func (h localHome) connect(ctx context.Context, org *store.Org) error {
	known, err := org.Credentials(ctx)
	if err == nil && known.AccountID == h.accountID && known.Secret.Reveal() == h.secret.Reveal() {
		return h.retry(ctx, org, known.Version)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return storeProblem(h.dataDir, err)
	}
	_, err = org.Connect(ctx, systemActor(), store.NewConnection{AccountID: h.accountID, Secret: h.secret})
	if err != nil && !errors.Is(err, store.ErrConflict) {
		return storeProblem(h.dataDir, err)
	}
	return nil
}

// retry lets credentials that Hostaway once refused be tried again: nobody can
// press a reconnect button here, and starting anew is what people do instead.
func (h localHome) retry(ctx context.Context, org *store.Org, version int) error {
	connection, err := org.Connection(ctx)
	if err != nil {
		return storeProblem(h.dataDir, err)
	}
	if connection.State != store.ConnectionRefused {
		return nil
	}
	if err := org.MarkConnectionChecked(ctx, version, nil, time.Time{}); err != nil {
		return storeProblem(h.dataDir, err)
	}
	return nil
}

// key returns the key of an earlier run if it still opens the door, and makes
// one otherwise. It is kept beside the database, which only this user can read.
func (h localHome) key(ctx context.Context, org *store.Org) (secret.Text, error) {
	path := filepath.Join(h.dataDir, localKeyFile)
	key, err := readKeyFile(path)
	if err != nil {
		return secret.Text{}, err
	}
	if !key.IsZero() {
		if _, _, err := h.store.OrgByAPIKey(ctx, key); err == nil {
			return key, nil
		} else if !errors.Is(err, store.ErrNotFound) {
			return secret.Text{}, storeProblem(h.dataDir, err)
		}
	}
	_, key, err = org.CreateAPIKey(ctx, systemActor(), localKeyName)
	if errors.Is(err, store.ErrLimit) {
		// Each of them may be in use by another client of this computer.
		return secret.Text{}, misused(fmt.Sprintf("%s was lost, and five API keys are active already in %s", path, h.dataDir),
			fmt.Sprintf("put the file back, or revoke a key with HMCP_DATA_DIR=%s %s admin key revoke", h.dataDir, binaryName))
	}
	if err != nil {
		return secret.Text{}, storeProblem(h.dataDir, err)
	}
	return key, folderProblemOrNil(h.dataDir, replaceFile(path, []byte(key.Reveal()+"\n")))
}
