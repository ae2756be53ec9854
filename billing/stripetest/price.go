// Products and prices: monthly, licensed, per unit.
package stripetest

import (
	"slices"
	"strconv"
	"strings"
)

type product struct {
	id, name, description, unitLabel, taxCode, defaultPrice string
	metadata                                                map[string]string
	inactive                                                bool
	created                                                 int64
}

type price struct {
	id, product, currency, lookupKey, nickname, taxBehavior string
	unit                                                    int64 // minor units
	metadata                                                map[string]string
	inactive                                                bool
	created                                                 int64
}

func (s *Server) showProduct(p *product) object {
	return s.shaped("product", object{
		"id": p.id, "name": p.name, "description": orNull(p.description), "unit_label": orNull(p.unitLabel), "active": !p.inactive,
		"metadata": metadataObject(p.metadata), "created": p.created, "updated": p.created, "tax_code": orNull(p.taxCode), "default_price": orNull(p.defaultPrice),
	})
}

func (s *Server) showPrice(p *price) object {
	recurring := object{"aggregate_usage": nil, "interval": "month", "interval_count": 1, "usage_type": "licensed"}
	tax := p.taxBehavior
	if tax == "" {
		tax = "unspecified"
	}
	return s.shaped("price", object{
		"id": p.id, "product": p.product, "currency": p.currency, "lookup_key": orNull(p.lookupKey), "nickname": orNull(p.nickname), "active": !p.inactive,
		"metadata": metadataObject(p.metadata), "created": p.created, "recurring": recurring, "tax_behavior": tax,
		"unit_amount": p.unit, "unit_amount_decimal": strconv.FormatInt(p.unit, 10),
	})
}

func (s *Server) createProduct(q *request) (object, error) {
	id := q.text("id")
	if id == "" {
		id = s.id("prod")
	}
	if s.products[id] != nil {
		return nil, coded("resource_already_exists", "id", "Product already exists.")
	}
	if q.text("name") == "" {
		return nil, coded("parameter_missing", "name", "Missing required param: name.")
	}
	p := &product{id: id, created: s.clock.now}
	s.products[id] = p
	s.changeProduct(p, q)
	return s.showProduct(p), nil
}

func (s *Server) changeProduct(p *product, q *request) {
	for key, field := range map[string]*string{
		"name": &p.name, "description": &p.description, "unit_label": &p.unitLabel, "tax_code": &p.taxCode, "default_price": &p.defaultPrice,
	} {
		if q.has(key) {
			*field = q.text(key)
		}
	}
	if q.has("active") {
		p.inactive = !q.flag("active")
	}
	keepMetadata(&p.metadata, q.under("metadata"))
}

func (s *Server) getProduct(q *request) (object, error) {
	p := s.products[q.PathValue("id")]
	if p == nil {
		return nil, noSuch("product", q.PathValue("id"))
	}
	return s.showProduct(p), nil
}

func (s *Server) updateProduct(q *request) (object, error) {
	p := s.products[q.PathValue("id")]
	if p == nil {
		return nil, noSuch("product", q.PathValue("id"))
	}
	s.changeProduct(p, q)
	return s.showProduct(p), nil
}

func (s *Server) listProducts(q *request) (object, error) {
	ids := q.texts("ids")
	found := newest(s.products, func(p *product) bool {
		return (len(ids) == 0 || slices.Contains(ids, p.id)) && (!q.has("active") || q.flag("active") == !p.inactive)
	})
	return paged(q, found, func(p *product) string { return p.id }, s.showProduct)
}

func (s *Server) createPrice(q *request) (object, error) {
	if s.products[q.text("product")] == nil {
		return nil, noSuchParam("product", "product", q.text("product"))
	}
	if q.text("recurring[interval]") != "month" || q.has("recurring[interval_count]") && q.text("recurring[interval_count]") != "1" {
		return nil, unknown("prices that are not monthly")
	}
	if usage := q.text("recurring[usage_type]"); usage != "" && usage != "licensed" {
		return nil, unknown("metered prices")
	}
	unit, err := q.number("unit_amount")
	if err != nil {
		return nil, err
	}
	if unit < 0 || !q.has("unit_amount") {
		return nil, invalid("unit_amount", "Invalid non-negative integer")
	}
	if len(q.text("currency")) != 3 {
		return nil, invalid("currency", "Invalid currency: %s", q.text("currency"))
	}
	p := &price{
		id: s.id("price"), product: q.text("product"), currency: strings.ToLower(q.text("currency")), unit: unit,
		nickname: q.text("nickname"), taxBehavior: q.text("tax_behavior"), created: s.clock.now,
	}
	if err := s.takeLookupKey(p, q); err != nil {
		return nil, err
	}
	keepMetadata(&p.metadata, q.under("metadata"))
	s.prices[p.id] = p
	return s.showPrice(p), nil
}

// takeLookupKey keeps lookup keys unique among active prices, unless one is transferred.
func (s *Server) takeLookupKey(p *price, q *request) error {
	if !q.has("lookup_key") {
		return nil
	}
	key := q.text("lookup_key")
	for _, other := range s.prices {
		if key == "" || other == p || other.lookupKey != key {
			continue
		}
		if !q.flag("transfer_lookup_key") {
			return invalid("lookup_key", "A price (`%s`) already uses that lookup key.", other.id)
		}
		other.lookupKey = ""
	}
	p.lookupKey = key
	return nil
}

func (s *Server) getPrice(q *request) (object, error) {
	p := s.prices[q.PathValue("id")]
	if p == nil {
		return nil, noSuch("price", q.PathValue("id"))
	}
	return s.showPrice(p), nil
}

func (s *Server) updatePrice(q *request) (object, error) {
	p := s.prices[q.PathValue("id")]
	if p == nil {
		return nil, noSuch("price", q.PathValue("id"))
	}
	if err := s.takeLookupKey(p, q); err != nil {
		return nil, err
	}
	if q.has("active") {
		p.inactive = !q.flag("active")
	}
	if q.has("nickname") {
		p.nickname = q.text("nickname")
	}
	keepMetadata(&p.metadata, q.under("metadata"))
	return s.showPrice(p), nil
}

func (s *Server) listPrices(q *request) (object, error) {
	keys := q.texts("lookup_keys")
	found := newest(s.prices, func(p *price) bool {
		return (len(keys) == 0 || p.lookupKey != "" && slices.Contains(keys, p.lookupKey)) &&
			(!q.has("product") || p.product == q.text("product")) &&
			(!q.has("currency") || p.currency == q.text("currency")) &&
			(!q.has("active") || q.flag("active") == !p.inactive)
	})
	return paged(q, found, func(p *price) string { return p.id }, s.showPrice)
}

// usablePrice finds an active price that a parameter names.
func (s *Server) usablePrice(id, param string) (*price, error) {
	p := s.prices[id]
	if p == nil {
		return nil, noSuchParam("price", param, id)
	}
	if p.inactive || s.products[p.product].inactive {
		return nil, invalid(param, "The price specified is inactive. This field only accepts active prices.")
	}
	return p, nil
}
