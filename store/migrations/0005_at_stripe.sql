-- stripe_quantity is what Stripe bills, as it was read or set there the last time, so
-- that a page can say so while it is another than the one that it is to have. NULL:
-- not read yet, or there is no subscription.
ALTER TABLE desired_quantities_all ADD COLUMN stripe_quantity INTEGER CHECK (stripe_quantity >= 0);
