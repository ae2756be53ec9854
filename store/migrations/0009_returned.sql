-- returned are the refunds and disputes that the org was told of, with blanks between
-- them, each the invoice's id, the kind, and the id of the invoice that was the latest.
ALTER TABLE billing_accounts_all ADD COLUMN returned TEXT NOT NULL DEFAULT '';
