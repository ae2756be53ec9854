// The JSON API for signed-in members: the same four addresses and meanings as the original service. openapi.json describes
// exactly these, and a test holds both against each other.
package dashboard

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"hostaway-mcp/store"
)

//go:embed openapi.json
var openAPIFile []byte

// openAPIDocument writes the version and the address of this server into the description.
func openAPIDocument(cfg Config) ([]byte, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(openAPIFile, &doc); err != nil {
		return nil, fmt.Errorf("read openapi.json: %w", err)
	}
	if cfg.Billing == nil || cfg.BillingOperator == nil {
		if err := leavePathsOut(doc, cfg); err != nil {
			return nil, err
		}
	}
	servers, err := json.Marshal([]struct {
		URL string `json:"url"`
	}{{cfg.BaseURL}})
	if err != nil {
		return nil, fmt.Errorf("write openapi.json: %w", err)
	}
	doc["servers"] = servers
	return json.Marshal(doc)
}

// leavePathsOut takes out what a server where nobody pays does not have.
func leavePathsOut(doc map[string]json.RawMessage, cfg Config) error {
	var paths map[string]json.RawMessage
	if err := json.Unmarshal(doc["paths"], &paths); err != nil {
		return fmt.Errorf("read the paths of openapi.json: %w", err)
	}
	delete(paths, "/api/operator/billing")
	if cfg.Billing == nil {
		delete(paths, "/api/billing")
		delete(paths, "/api/billing/sync")
	}
	raw, err := json.Marshal(paths)
	doc["paths"] = raw
	return err
}

func (d *Dashboard) apiDescription(c *fiber.Ctx, _ *visit) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
	return c.Send(d.openAPI)
}

// apiKey is a key as the API shows it: never its secret.
type apiKey struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	MaskedKey  string     `json:"masked_key"`
	Active     bool       `json:"active"`
	CreatedBy  string     `json:"created_by"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	RevokedAt  *time.Time `json:"revoked_at"`
}

func newAPIKey(k store.APIKey) apiKey {
	return apiKey{k.ID, k.Name, k.Mask(), k.RevokedAt == nil, k.CreatedBy, k.CreatedAt, k.LastUsedAt, k.RevokedAt}
}

type apiKeyList struct {
	Keys   []apiKey `json:"keys"`
	Active int      `json:"active"`
	Limit  int      `json:"limit"`
}

func (d *Dashboard) apiListKeys(c *fiber.Ctx, v *visit) error {
	active, revoked, err := listKeys(c, v)
	if err != nil {
		return err
	}
	list := apiKeyList{Keys: []apiKey{}, Active: len(active), Limit: keyLimit}
	for _, key := range append(active, revoked...) {
		list.Keys = append(list.Keys, newAPIKey(key))
	}
	return c.JSON(list)
}

type apiCreateRequest struct {
	Name string `json:"name"`
}

type apiCreated struct {
	Key    apiKey `json:"key"`
	APIKey string `json:"api_key"` // the secret; this is the only answer that has it
}

// errKeyLimit is for the API; the page says the same at the form.
var errKeyLimit = &problem{
	Status: 409, Code: "key_limit", Title: "Limit reached",
	Message: "The org has " + strconv.Itoa(keyLimit) + " active keys, and that is the limit.", Next: "Revoke a key with DELETE /api/api-keys/{id}, then create the new one.",
}

func (d *Dashboard) apiCreateKey(c *fiber.Ctx, v *visit) error {
	var in apiCreateRequest
	if err := json.Unmarshal(c.Request().Body(), &in); err != nil || in.Name == "" {
		return &problem{Status: 422, Code: "invalid", Message: "The body must be a JSON object with a name.", Next: `Send {"name": "Claude Code on my laptop"}.`}
	}
	key, text, err := v.org.CreateAPIKey(c.UserContext(), v.actor(c), in.Name)
	if errors.Is(err, store.ErrLimit) {
		return errKeyLimit
	}
	return d.whenCopied(c, v, err, func(c *fiber.Ctx, _ *visit) error {
		return c.Status(fiber.StatusCreated).JSON(apiCreated{newAPIKey(key), text.Reveal()})
	})
}

type apiRevoked struct {
	ID      string `json:"id"`
	Revoked bool   `json:"revoked"`
}

func (d *Dashboard) apiRevokeKey(c *fiber.Ctx, v *visit) error {
	id := c.Params("id")
	err := v.org.RevokeAPIKey(c.UserContext(), v.actor(c), id)
	return d.whenCopied(c, v, err, func(c *fiber.Ctx, _ *visit) error { return c.JSON(apiRevoked{id, true}) })
}

type apiUsageDay struct {
	Date   string `json:"date"`
	OK     int    `json:"ok"`
	Failed int    `json:"failed"`
}

type apiUsageTool struct {
	Tool       string    `json:"tool"`
	Calls      int       `json:"calls"`
	Failed     int       `json:"failed"`
	AverageMS  int       `json:"average_ms"`
	LastCallAt time.Time `json:"last_call_at"`
}

type apiUsage struct {
	From   string         `json:"from"`
	To     string         `json:"to"`
	Total  int            `json:"total"`
	Failed int            `json:"failed"`
	Days   []apiUsageDay  `json:"days"`
	Tools  []apiUsageTool `json:"tools"`
}

func (d *Dashboard) apiUsage(c *fiber.Ctx, v *visit) error {
	from, to := dayWindow(d.cfg.Now(), usageRange(c))
	u, err := v.org.Usage(c.UserContext(), from, to)
	if err != nil {
		return err
	}
	out := apiUsage{From: from, To: to, Total: u.Total, Failed: u.Failed, Days: []apiUsageDay{}, Tools: []apiUsageTool{}}
	for _, day := range u.Days {
		out.Days = append(out.Days, apiUsageDay{day.Date, day.OK, day.Failed})
	}
	for _, row := range toolRows(u) {
		out.Tools = append(out.Tools, apiUsageTool{row.Tool, row.Calls, row.Failed, row.AverageMS, row.LastCallAt})
	}
	return c.JSON(out)
}
