// The delete-org command: everything of one org goes, beside a running server if
// there is one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hostaway-mcp/store"
)

const mirrorFolder = "mirror" // holds a file for each org, called by its id

func deleteOrgCommand() command {
	return command{
		path: "delete-org", args: []string{"ORG"},
		about: "Delete an org with everything in it, for good",
		more: "Its keys are refused at once, also by a running server. Export it first if anybody may want its data:\n" +
			"`export-org ORG`. People who belong to no other org go with it; operators keep their sign-in.\n" +
			"With billing on, its subscription at Stripe ends first, at once; the customer and its invoices stay there.\n" +
			"It goes from the database. The log beside that, the replica and what was set aside keep pieces of it\n" +
			"for longer: at the end each place is named, and until when.",
		prepare: func(flags *flag.FlagSet) action {
			var o deletion
			flags.StringVar(&o.yes, "yes", "", "the org's `NAME`, to confirm that this one is meant")
			flags.BoolVar(&o.keepStripe, "keep-stripe", false, "don't end its subscription at Stripe: you see to that in Stripe's dashboard; what stays there is said")
			flags.BoolVar(&o.rewrite, "rewrite", false, "also write the database file anew, so that no piece of the org's log stays in unused parts of it; writers wait meanwhile")
			return adminAction(func(ctx context.Context, d desk, words []string) error { return d.deleteOrg(ctx, words[0], o) })
		},
	}
}

// deletion is what was chosen on the command line.
type deletion struct {
	yes        string
	rewrite    bool
	keepStripe bool
}

func (d desk) deleteOrg(ctx context.Context, word string, o deletion) error {
	org, err := d.org(ctx, word)
	if err != nil {
		return err
	}
	if o.yes != org.Name() {
		return d.askFirst(ctx, org, o)
	}
	if err := d.leaveStripe(ctx, org, o.keepStripe); err != nil {
		return err
	}
	if err := d.printf("Deleting %s (%s): its rows, then what is left of them in the file. This takes seconds, and longer for a long log.\n", org.Name(), org.ID()); err != nil {
		return err
	}
	gone, err := d.store.DeleteOrg(ctx, org)
	err, note := kept(err)
	if err != nil {
		return d.unfinished(err, org)
	}
	files, err := d.removeMirror(org.ID())
	if err != nil {
		return err
	}
	// What the org took goes back to the disk; if that stops, the server's own job goes on.
	if _, err := d.store.GiveBackSpace(ctx); err != nil {
		return d.problem(err)
	}
	if o.rewrite {
		if err := d.store.Rewrite(ctx); err != nil {
			return failed(err, fmt.Sprintf("%s is deleted, and the database can't be written anew (%s)", org.Name(), reason(err)),
				"nothing of the org is in use; pieces of its log stay in unused parts of the file until they are written over")
		}
	}
	return errors.Join(d.printf("%s%s", deletedText(org, gone, files), leftText(d.leftovers(gone, o.rewrite))), note)
}

// askFirst says what would go. Nothing does.
func (d desk) askFirst(ctx context.Context, org *store.Org, o deletion) error {
	if o.yes != "" {
		return misused(fmt.Sprintf("--yes %q is not the name of %s, which is %q; nothing was deleted", o.yes, org.ID(), org.Name()), "give the name exactly as it is")
	}
	members, err := org.Members(ctx)
	if err != nil {
		return d.problem(err)
	}
	keys, err := org.ListAPIKeys(ctx)
	if err != nil {
		return d.problem(err)
	}
	return misused(fmt.Sprintf("this would delete %s (%s) for good: members: %d, API keys: %d, its connection, audit log and usage; nothing was deleted",
		org.Name(), org.ID(), len(members), len(keys)),
		fmt.Sprintf("`%s export-org %s` keeps its data; then repeat this with --yes %q", binaryName, org.ID(), org.Name()))
}

// unfinished is a deletion that stopped half-way.
func (d desk) unfinished(err error, org *store.Org) error {
	if errors.Is(err, store.ErrNotFound) {
		return failed(err, fmt.Sprintf("%s was deleted by somebody else meanwhile", org.ID()), "")
	}
	if errors.Is(err, store.ErrDamaged) {
		return d.problem(err)
	}
	return failed(err, fmt.Sprintf("deleting %s stopped (%s)", org.Name(), reason(err)),
		fmt.Sprintf("run it again with the id: `%s delete-org %s --yes %q` goes on from there; nobody can use the org meanwhile, if anything was deleted", binaryName, org.ID(), org.Name()))
}

// removeMirror deletes the org's file of Hostaway data and what lies beside it.
func (d desk) removeMirror(orgID string) (removed int, err error) {
	folder := filepath.Join(d.config.DataDir, mirrorFolder)
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), orgID+".db") {
			err = errors.Join(err, os.Remove(filepath.Join(folder, e.Name())))
			removed++
		}
	}
	if err != nil {
		return removed, failed(err, fmt.Sprintf("the org is deleted, and its files in %s can't be removed (%s)", folder, reason(err)), "remove the files that begin with "+orgID+" by hand")
	}
	return removed, nil
}

func deletedText(org *store.Org, gone store.Deleted, files int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Deleted %s (%s).\n", org.Name(), org.ID())
	for _, table := range slices.Sorted(maps.Keys(gone.Rows)) {
		fmt.Fprintf(&b, "  %-18s %d\n", table, gone.Rows[table])
	}
	fmt.Fprintf(&b, "  %-18s %d\n  %-18s %d\n", "people", gone.Users, "files", files)
	if gone.Operators > 0 {
		fmt.Fprintf(&b, "Operators who are in no org now: %d. `%s admin member add ORG EMAIL` lets them in again.\n", gone.Operators, binaryName)
	}
	if gone.WALEmptied {
		b.WriteString("Its secrets, hashes and addresses are overwritten in the database file.\n")
	}
	return b.String()
}
