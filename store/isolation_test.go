// Lock 5 in this room: every method is run by one org with the other's ids, and
// answers as it does for ids of nobody. The methods are found by reflection: one
// without a case fails the test.

package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// side is an org with everything that has an id. Both sides carry the same names.
type side struct {
	fix        storetest.Fixture
	second     store.APIKey
	session    secret.Text
	connection store.Connection
	confirm    secret.Text
	audit      string
	account    int64
	count      store.ListingCount
	customer   string
}

var confirmHash = []byte{7}

// The accounts' numbers are long: short ones turn up by chance in ids, whose end
// counts 0001, 0002, …
const (
	accountA = 710_001_552_893_517
	accountB = 820_002_947_316_258
)

func newSide(t *testing.T, st *store.Store, account int64) side {
	t.Helper()
	ctx := t.Context()
	s := side{fix: storetest.Org(t, st, "Seaside Rentals"), account: account}
	var err error
	if s.second, _, err = s.fix.Org.CreateAPIKey(ctx, s.fix.By(), "Cursor"); err != nil {
		t.Fatal(err)
	}
	s.connection = storetest.Connect(t, s.fix.Org, account, "the same secret of Hostaway")
	s.session, _ = signIn(t, st, s.fix)
	if s.confirm, _, err = s.fix.Org.CreateConfirmation(ctx, store.Confirmation{
		KeyID: s.fix.Key.ID, Tool: "hostaway_create_listing", ArgumentsHash: confirmHash, TTL: time.Hour,
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.fix.Org.RecordToolCall(ctx, toolCall(s.fix, "hostaway_list_properties", time.Now())); err != nil {
		t.Fatal(err)
	}
	s.customer = fmt.Sprintf("cus_%d", account)
	bill, err := s.fix.Org.Billing(ctx)
	if err != nil {
		t.Fatal(err)
	}
	bill.CustomerID = s.customer
	if _, err := s.fix.Org.SaveBilling(ctx, s.fix.By(), bill); err != nil {
		t.Fatal(err)
	}
	s.count, err = s.fix.Org.RecordCount(ctx, s.fix.By(), s.newCount(), store.QuantityChange{
		Desired:  &store.DesiredQuantity{Quantity: 1, CountedAt: noon, State: store.QuantityDirty, HoldReason: s.customer, HeldSince: &noon},
		Billable: []store.BillableChange{{EffectiveAt: noon, Quantity: 1, Reason: store.BillableTrial}},
		Mails:    []store.NewMail{{Kind: "count_held", To: store.ToOwners, DedupeKey: s.customer, Payload: []byte(s.customer)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	page := must[[]store.AuditEntry](t)
	entries := page(firstPage(ctx, s.fix.Org))
	s.audit = entries[0].ID
	return s
}

func firstPage(ctx context.Context, o *store.Org) ([]store.AuditEntry, error) {
	entries, _, err := o.ListAudit(ctx, store.AuditFilter{Limit: 200})
	return entries, err
}

func signIn(t *testing.T, st *store.Store, f storetest.Fixture) (secret.Text, store.Session) {
	t.Helper()
	token, session, err := st.SignIn(t.Context(), store.SignIn{Email: f.Email, Password: f.Password, Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	return token, session
}

// marks are what must never show up on the other side.
func (s side) marks() []string {
	return []string{
		s.fix.Org.ID(), s.fix.Member.ID, s.fix.Member.UserID, s.fix.Email, s.fix.Key.ID, s.second.ID, s.connection.ID, s.audit,
		fmt.Sprint(s.account), s.count.ID, s.customer,
		// As structs and as JSON: four characters alone turn up by chance in a long text of ids.
		"Last4:" + s.fix.Key.Last4, "Last4:" + s.second.Last4, `"last4": "` + s.fix.Key.Last4, `"last4": "` + s.second.Last4,
	}
}

// nobody has ids of the right shape that nothing has.
func nobody() side {
	return side{
		fix: storetest.Fixture{
			Member: store.Member{ID: "mem_00000000000000000000"}, Key: store.APIKey{ID: "key_00000000000000000000"},
			APIKey: secret.New("hmcp_" + strings.Repeat("0", 43)),
		},
		second:  store.APIKey{ID: "key_00000000000000000001"},
		session: secret.New("hmcps_" + strings.Repeat("0", 43)),
		confirm: secret.New("confirm_" + strings.Repeat("0", 43)),
		audit:   "~",
		count:   store.ListingCount{ID: "cnt_00000000000000000000"},
	}
}

func (s side) orgID() string {
	if s.fix.Org == nil {
		return "org_00000000000000000000"
	}
	return s.fix.Org.ID()
}

// isolationCase runs a method as me with target's ids.
type isolationCase struct {
	run   func(ctx context.Context, st *store.Store, me, target side) (any, error)
	noIDs bool // it takes no id: only leaks are looked for
}

type (
	outcome = func(ctx context.Context, st *store.Store, me, target side) (any, error)
)

func failure(f func(ctx context.Context, me, target side) error) outcome {
	return func(ctx context.Context, _ *store.Store, me, target side) (any, error) {
		return nil, f(ctx, me, target)
	}
}

func answer[T any](f func(ctx context.Context, me, target side) (T, error)) outcome {
	return func(ctx context.Context, _ *store.Store, me, target side) (any, error) {
		return f(ctx, me, target)
	}
}

var orgCases = map[string]isolationCase{
	"ID":        {noIDs: true, run: answer(func(_ context.Context, me, _ side) (string, error) { return me.fix.Org.ID(), nil })},
	"Name":      {noIDs: true, run: answer(func(_ context.Context, me, _ side) (string, error) { return me.fix.Org.Name(), nil })},
	"CreatedAt": {noIDs: true, run: answer(func(_ context.Context, me, _ side) (time.Time, error) { return me.fix.Org.CreatedAt(), nil })},
	"Rename": {noIDs: true, run: failure(func(ctx context.Context, me, _ side) error {
		return me.fix.Org.Rename(ctx, me.fix.By(), "Seaside Rentals")
	})},
	"Members": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) ([]store.Member, error) { return me.fix.Org.Members(ctx) })},
	"AddMember": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) (store.Member, error) {
		return me.fix.Org.AddMember(ctx, me.fix.By(), "not an address", "Mia", store.RoleMember, me.fix.Password)
	})},
	"SetRole": {run: failure(func(ctx context.Context, me, target side) error {
		return me.fix.Org.SetRole(ctx, me.fix.By(), target.fix.Member.ID, store.RoleMember)
	})},
	"RemoveMember": {run: failure(func(ctx context.Context, me, target side) error {
		return me.fix.Org.RemoveMember(ctx, me.fix.By(), target.fix.Member.ID)
	})},
	"CreateAPIKey": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) (store.APIKey, error) {
		k, _, err := me.fix.Org.CreateAPIKey(ctx, me.fix.By(), "Claude")
		return k, err
	})},
	"ListAPIKeys": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) ([]store.APIKey, error) { return me.fix.Org.ListAPIKeys(ctx) })},
	"RegenerateAPIKey": {run: answer(func(ctx context.Context, me, target side) (store.APIKey, error) {
		k, _, err := me.fix.Org.RegenerateAPIKey(ctx, me.fix.By(), target.fix.Key.ID)
		return k, err
	})},
	"RevokeAPIKey": {run: failure(func(ctx context.Context, me, target side) error {
		return me.fix.Org.RevokeAPIKey(ctx, me.fix.By(), target.second.ID)
	})},
	"Connect": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) (store.Connection, error) {
		return me.fix.Org.Connect(ctx, me.fix.By(), store.NewConnection{AccountID: me.account, Secret: secret.New("the same secret of Hostaway")})
	})},
	"Connection": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) (store.Connection, error) { return me.fix.Org.Connection(ctx) })},
	"Disconnect": {noIDs: true, run: failure(func(ctx context.Context, me, _ side) error { return me.fix.Org.Disconnect(ctx, me.fix.By()) })},
	"Credentials": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) (string, error) {
		c, err := me.fix.Org.Credentials(ctx)
		return fmt.Sprint(c.AccountID, c.Secret.Reveal()), err
	})},
	"HostawayToken": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) (string, error) {
		t, err := me.fix.Org.HostawayToken(ctx, 1)
		return t.Value.Reveal(), err
	})},
	"SaveHostawayToken": {noIDs: true, run: failure(func(ctx context.Context, me, _ side) error {
		return me.fix.Org.SaveHostawayToken(ctx, 1, store.HostawayToken{Value: secret.New(fmt.Sprint("token of ", me.account))})
	})},
	"MarkConnectionRefused": {noIDs: true, run: failure(func(ctx context.Context, me, _ side) error {
		return me.fix.Org.MarkConnectionRefused(ctx, 1, "refused")
	})},
	"MarkConnectionChecked": {noIDs: true, run: failure(func(ctx context.Context, me, _ side) error {
		return me.fix.Org.MarkConnectionChecked(ctx, 1, nil, time.Time{})
	})},
	"RecordToolCall": {noIDs: true, run: failure(func(ctx context.Context, me, _ side) error {
		return me.fix.Org.RecordToolCall(ctx, toolCall(me.fix, "hostaway_list_properties", time.Now()))
	})},
	"RecordAction": {noIDs: true, run: failure(func(ctx context.Context, me, _ side) error {
		return me.fix.Org.RecordAction(ctx, me.fix.By(), store.Action{Name: "signed_in"})
	})},
	"ListAudit": {noIDs: true, run: answer(func(ctx context.Context, me, target side) ([]store.AuditEntry, error) {
		page, _, err := me.fix.Org.ListAudit(ctx, store.AuditFilter{Before: target.audit, Limit: 200})
		return page, err
	})},
	"PruneAudit": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) (int, error) {
		return me.fix.Org.PruneAudit(ctx, time.Now().Add(-24*time.Hour))
	})},
	"Usage": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) (store.Usage, error) {
		return me.fix.Org.Usage(ctx, "2026-01-01", "2026-02-01")
	})},
	"Export": {noIDs: true, run: answer(func(ctx context.Context, me, _ side) (string, error) {
		var all bytes.Buffer
		files, err := me.fix.Org.Export(ctx, &all, "a test")
		if err != nil {
			return "", err
		}
		texts, err := storetest.ReadArchive(all.Bytes())
		return fmt.Sprint(files, texts), err
	})},
	"CreateConfirmation": {run: answer(func(ctx context.Context, me, target side) (time.Time, error) {
		_, ends, err := me.fix.Org.CreateConfirmation(ctx, store.Confirmation{KeyID: target.fix.Key.ID, Tool: "t", ArgumentsHash: confirmHash})
		return ends, err
	})},
	"UseConfirmation": {run: failure(func(ctx context.Context, me, target side) error {
		return errors.Join(
			me.fix.Org.UseConfirmation(ctx, target.confirm, target.fix.Key.ID, "hostaway_create_listing", confirmHash),
			me.fix.Org.UseConfirmation(ctx, target.confirm, me.fix.Key.ID, "hostaway_create_listing", confirmHash))
	})},
}

var storeCases = map[string]isolationCase{
	"OrgByAPIKey": {noIDs: true, run: func(ctx context.Context, st *store.Store, me, _ side) (any, error) {
		o, k, err := st.OrgByAPIKey(ctx, me.fix.APIKey)
		if err != nil {
			return nil, err
		}
		return o.ID() + k.ID, nil
	}},
	"OrgByStripeCustomer": {noIDs: true, run: func(ctx context.Context, st *store.Store, me, _ side) (any, error) {
		o, err := st.OrgByStripeCustomer(ctx, me.customer)
		if err != nil {
			return nil, err
		}
		return o.ID(), nil
	}},
	"OrgBySession": {noIDs: true, run: func(ctx context.Context, st *store.Store, me, _ side) (any, error) {
		o, session, err := st.OrgBySession(ctx, me.session)
		if err != nil {
			return nil, err
		}
		return []any{o.ID(), session}, nil
	}},
	"Memberships": {noIDs: true, run: func(ctx context.Context, st *store.Store, me, _ side) (any, error) {
		return st.Memberships(ctx, me.session)
	}},
	"SwitchOrg": {run: func(ctx context.Context, st *store.Store, me, target side) (any, error) {
		return nil, st.SwitchOrg(ctx, me.session, target.orgID())
	}},
	"SignIn": {noIDs: true, run: func(ctx context.Context, st *store.Store, me, _ side) (any, error) {
		_, session, err := st.SignIn(ctx, store.SignIn{Email: me.fix.Email, Password: me.fix.Password})
		return session, err
	}},
}

// acrossOrgs are methods that serve no org, with the reason.
var acrossOrgs = map[string]string{
	"Close": "ends the program", "EachOrg": "jobs and the operator", "CountOrgs": "the operator", "CreateOrg": "makes an org",
	"SignOut": "knows one session", "CreateSignUpLink": "the operator", "CheckSignUpLink": "knows one link", "SignUp": "makes an org",
	"SendPasswordReset": "knows one address", "SendVerification": "knows one person", "NextVerification": "knows one person", "CheckVerification": "knows one link",
	"Verify": "knows one link", "SignUpToVerify": "makes an org", "CreatePasswordReset": "the operator", "CheckPasswordReset": "knows one link", "ResetPassword": "knows one link",
	"SetOperator": "the operator", "Users": "the operator", "Reseal": "the operator", "SealedBy": "the operator",
	"OrgSummaries": "the operator", "OrgReport": "the operator",
	"Installation": "the whole database", "Figures": "the whole database", "Quiet": "the whole database", "Replicated": "the whole database",
	"Jobs": "the whole database", "StartJob": "the whole database", "EndJob": "the whole database",
	"Nudge": "the whole database", "FullSince": "the whole database",
	"DeleteOrg":   "the operator, through the org's own door: delete_org_test.go",
	"StartTrials": "each org through its own door", "DirtyQuantities": "jobs", "HeldQuantities": "the operator",
	"ReceiveStripeEvent": "rows of no org", "PendingStripeEvents": "rows of no org", "NewestStripeEvent": "rows of no org",
	"FinishStripeEvents": "rows of no org", "FinishStripeEvent": "rows of no org", "DeferStripeEvent": "rows of no org",
	"EnqueueUserMail": "knows one person", "MailQueued": "the mail job", "DueMails": "the mail job", "FinishMail": "a mail of DueMails", "GiveUpMail": "a mail of DueMails",
	"DeferMail": "a mail of DueMails", "RecordFindings": "the reconciler", "BillingFindings": "the operator", "BillingFigures": "the operator",
	"RefusedConnections": "the operator", "RetainBilling": "each org through its own door",
	"SaveStripeSetup": "rows of no org", "StripeSetups": "rows of no org", "SawWebhookPosts": "rows of no org", "WebhookSecrets": "rows of no org",
	"GiveBackSpace": "the whole database", "RefreshStatistics": "the whole database", "Rewrite": "the whole database",
	"RetainAudit": "each org through its own door", "RetainConfirmations": "each org through its own door", "RetainSignIns": "rows of no org",
}

func TestEveryMethodHasAnIsolationCase(t *testing.T) {
	t.Parallel()
	for typ, cases := range map[reflect.Type]map[string]isolationCase{
		reflect.TypeFor[*store.Org]():   eachOrgCase(),
		reflect.TypeFor[*store.Store](): storeCases,
	} {
		for i := range typ.NumMethod() {
			name := typ.Method(i).Name
			_, hasCase := cases[name]
			_, isExempt := acrossOrgs[name]
			if isExempt = isExempt && typ == reflect.TypeFor[*store.Store](); hasCase == isExempt {
				t.Errorf("%s.%s: has a case: %t, is exempt: %t; want one of them", typ, name, hasCase, isExempt)
			}
		}
	}
}

// isolationFault says what is wrong with an answer, or "".
func isolationFault(ctx context.Context, st *store.Store, c isolationCase, me, other side) string {
	got, err := c.run(ctx, st, me, other)
	said := fmt.Sprintf("%+v %v", got, err)
	for _, mark := range other.marks() {
		if strings.Contains(said, mark) {
			return fmt.Sprintf("shows %q of the other org: %s", mark, said)
		}
	}
	if c.noIDs {
		return ""
	}
	none, noneErr := c.run(ctx, st, me, nobody())
	if want := fmt.Sprintf("%+v %v", none, noneErr); said != want {
		return fmt.Sprintf("tells an id of the other org from one of nobody:\n%s\n%s", said, want)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return fmt.Sprintf("answers %v, want not found", err)
	}
	return ""
}

func TestOrgsSeeNothingOfEachOther(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, storetest.WithBilling(), storetest.WithMail())
	a, b := newSide(t, st, accountA), newSide(t, st, accountB)
	for name, c := range allCases() {
		for who, pair := range map[string][2]side{"A": {a, b}, "B": {b, a}} {
			if fault := isolationFault(t.Context(), st, c, pair[0], pair[1]); fault != "" {
				t.Errorf("%s, asked by %s: %s", name, who, fault)
			}
		}
	}
}

// A hundred callers at once, half of them for each org, on pooled connections
// that change hands all the time.
func TestOrgsSeeNothingOfEachOtherInParallel(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, storetest.WithBilling(), storetest.WithMail())
	a, b := newSide(t, st, accountA), newSide(t, st, accountB)
	cases := allCases()
	delete(cases, "Store.SignIn") // argon2 a hundred times proves nothing more
	var wg sync.WaitGroup
	for i := range 100 {
		me, other := a, b
		if i%2 == 1 {
			me, other = b, a
		}
		wg.Go(func() {
			for name, c := range cases { // in another order for each caller
				if fault := isolationFault(t.Context(), st, c, me, other); fault != "" {
					t.Errorf("%s, caller %d: %s", name, i, fault)
				}
			}
		})
	}
	wg.Wait()
}

func allCases() map[string]isolationCase {
	all := map[string]isolationCase{}
	for name, c := range eachOrgCase() {
		all["Org."+name] = c
	}
	for name, c := range storeCases {
		all["Store."+name] = c
	}
	return all
}

// Lock 1: without an exported field, an *Org comes from the doors only.
func TestOrgCannotBeMadeOutside(t *testing.T) {
	t.Parallel()
	typ := reflect.TypeFor[store.Org]()
	for i := range typ.NumField() {
		if typ.Field(i).IsExported() {
			t.Errorf("Org.%s is exported: an org could be made outside of this room", typ.Field(i).Name)
		}
	}
}
