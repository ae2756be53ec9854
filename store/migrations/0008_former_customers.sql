-- former_customers are the ids of the org's customers that were deleted at Stripe and got
-- a successor, oldest first, with blanks between them: what they were charged can still
-- be listed there.
ALTER TABLE billing_accounts_all ADD COLUMN former_customers TEXT NOT NULL DEFAULT '';
