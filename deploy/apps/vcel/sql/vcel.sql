-- What is revoked, and what was verified. Locks themselves are not kept: the contract knows them.
CREATE TABLE revoked_signatures (
	id               text PRIMARY KEY,          -- {lockId}-{signatureHash}
	lock_id          text NOT NULL,
	signature_hash   text NOT NULL,             -- keccak256 of the signature's text
	signature        text NOT NULL,             -- the hash again: the chain tells no more
	revoked_by       text NOT NULL,
	transaction_hash text NOT NULL,
	block_number     bigint NOT NULL,
	revoked_at       timestamptz NOT NULL,      -- of the block
	created_at       timestamptz NOT NULL DEFAULT now(),
	UNIQUE (lock_id, signature_hash)
);
CREATE INDEX idx_revoked_lock_id ON revoked_signatures (lock_id);
CREATE INDEX idx_revoked_signature_hash ON revoked_signatures (signature_hash);

CREATE TABLE signature_entries (
	id               text PRIMARY KEY,
	lock_id          text,
	signature        text NOT NULL,             -- as it was shown
	signature_hash   text NOT NULL,             -- how a revocation names it
	public_key       text,
	owner            text,
	message          text,
	was_revoked      boolean NOT NULL DEFAULT false,
	transaction_hash text NOT NULL DEFAULT '',  -- empty: verified here, by no transaction
	block_number     bigint NOT NULL,
	timestamp        timestamptz NOT NULL DEFAULT now(),
	metadata         jsonb,
	created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_entry_lock_id_timestamp ON signature_entries (lock_id, timestamp);
CREATE INDEX idx_entry_signature ON signature_entries (signature);
CREATE INDEX idx_entry_signature_hash ON signature_entries (signature_hash);
