package hostawaytest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
)

func amount(t *testing.T, v any) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(strings.Trim(jsonText(v), `"`))
	if err != nil {
		t.Fatalf("%v is no amount: %v", v, err)
	}
	return d
}

func TestIncludedFinanceFieldsAddUpToTheTotalOfEveryReservation(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	types := map[string]bool{}
	withMoney := 0
	for _, r := range allReservations(k, "&includeResources=1") {
		lines := r["financeField"].([]any)
		if len(lines) == 0 {
			continue
		}
		withMoney++
		sum := decimal.Zero
		for _, l := range lines {
			types[l.(row)["type"].(string)] = true
			if l.(row)["isIncludedInTotalPrice"] == 1.0 {
				sum = sum.Add(amount(t, l.(row)["total"]))
			}
		}
		if total := amount(t, r["totalPrice"]); !sum.Equal(total) {
			t.Errorf("reservation %v (%v): lines %v, total %v", r["id"], r["status"], sum, total)
		}
	}
	if withMoney < 1000 {
		t.Errorf("only %d reservations have money", withMoney)
	}
	for _, want := range []string{"accommodation", "totals", "commissions", "fee", "tax", "discount"} {
		if !types[want] {
			t.Errorf("no line of type %q in %v", want, types)
		}
	}
}

func TestFinanceFieldsAgreeWithTheStandardFields(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for _, r := range get[[]row](k, "/reservations?limit=60") {
		standard := get[row](k, fmt.Sprintf("/financeStandardField/reservation/%v", int64(r["id"].(float64))))
		for _, l := range get[[]row](k, fmt.Sprintf("/financeField/%v", int64(r["id"].(float64)))) {
			name := standardName(l["name"].(string))
			if name == "" {
				continue
			}
			if !amount(t, standard[name]).Equal(amount(t, l["total"])) {
				t.Errorf("reservation %v %s: %v and %v", r["id"], name, standard[name], l["total"])
			}
		}
	}
}

func TestOwnerStaysAndInquiriesCarryNoMoney(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	m := k.account.Landmarks()
	for _, reservation := range []int64{m.OwnerStay, m.Inquiry, m.NullMoney} {
		if lines := get[[]row](k, fmt.Sprintf("/financeField/%d", reservation)); len(lines) != 0 {
			t.Errorf("reservation %d: %v", reservation, lines)
		}
	}
	if r := get[row](k, fmt.Sprintf("/reservations/%d", m.OwnerStay)); r["totalPrice"] != 0.0 || r["status"] != "ownerStay" {
		t.Errorf("owner stay: %v, %v", r["status"], r["totalPrice"])
	}
}

func TestCancelledMoney(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	m := k.account.Landmarks()
	kept := map[int64]bool{m.Cancelled: false, m.CancelledKept: true}
	for reservation, want := range kept {
		found := false
		for _, l := range get[[]row](k, fmt.Sprintf("/financeField/%d", reservation)) {
			found = found || (l["name"] == "cancellationPayout" && amount(t, l["total"]).IsPositive())
		}
		if found != want {
			t.Errorf("reservation %d kept money: %v, want %v", reservation, found, want)
		}
	}
}

func TestFinanceFieldUpdateDoesNotTouchTheTotal(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	made := result[row](k, k.call("POST", "/reservations", booking(40101, "2027-01-05", "2027-01-09", "totalPrice", 700, "financeField", []row{
		{"type": "price", "name": "baseRate", "title": "Base rate", "value": 600, "total": 600, "isIncludedInTotalPrice": 1},
		{"type": "fee", "name": "cleaningFee", "title": "Cleaning", "value": 100, "isIncludedInTotalPrice": 1, "listingFeeSettingId": 8},
	})))
	path := fmt.Sprintf("/financeField/%d", id(made, "id"))
	lines := get[[]row](k, path)
	if len(lines) != 2 || lines[1]["total"] != 100.0 || lines[1]["listingFeeSettingId"] != 8.0 {
		t.Fatalf("breakdown %v", lines)
	}
	changed := result[row](k, k.call("PUT", fmt.Sprintf("%s/%d", path, id(lines[1], "id")), row{"value": 80.25, "isOverriddenByUser": 1, "isIncludedInTotalPrice": true}))
	if changed["total"] != 80.25 || changed["isOverriddenByUser"] != 1.0 {
		t.Errorf("changed line %v", changed)
	}
	reservation := fmt.Sprintf("/reservations/%d", id(made, "id"))
	if got := get[row](k, reservation); got["totalPrice"] != 700.0 {
		t.Errorf("total %v", got["totalPrice"])
	}
	after := result[row](k, k.call("PUT", reservation, row{"totalPrice": 610, "financeField": []row{
		{"id": id(lines[0], "id"), "value": 610, "isOverriddenByUser": 1}, {"id": id(lines[1], "id"), "isDeleted": 1},
	}}))
	if rows := after["financeField"].([]any); len(rows) != 1 || rows[0].(row)["total"] != 610.0 || after["totalPrice"] != 610.0 {
		t.Errorf("after sending the whole breakdown: %v, total %v", rows, after["totalPrice"])
	}
	wantFail(t, k.call("PUT", path+"/1", row{"value": 1}), 404, "Finance field not found")
	if plain := result[row](k, k.call("POST", "/reservations", booking(40102, "2027-01-05", "2027-01-09"))); len(plain["financeField"].([]any)) != 1 {
		t.Errorf("a booking without breakdown: %v", plain["financeField"])
	}
}

func TestCalculatedFieldsAndFormulas(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	rows := get[[]row](k, fmt.Sprintf("/financeCalculatedField/reservation/%d", k.account.Landmarks().LongStay))
	if len(rows) != 2 || rows[0]["formulaName"] != "pmCommission" || !amount(t, rows[1]["formulaResult"]).IsPositive() {
		t.Errorf("%v", rows)
	}
	a := k.call("GET", "/financeCustomFormula", nil)
	if a.Count != "2" || a.Offset != nil || len(result[[]row](k, a)) != 2 {
		t.Errorf("formulas: count %v in %s", a.Count, a.body)
	}
	k.account.SetReports(false)
	for _, path := range []string{"/financeCustomFormula", "/financeCalculatedField/reservation/%d", "/financeStandardField/reservation/%d"} {
		if strings.Contains(path, "%d") {
			path = fmt.Sprintf(path, k.account.Landmarks().LongStay)
		}
		wantFail(t, k.call("GET", path, nil), 403, "not enabled")
	}
	wantFail(t, k.report("standard", nil), 403, "not enabled")
}
