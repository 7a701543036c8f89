-- Chains, the blocks of their windows, and what signers' accounts were seen to be at.

CREATE TABLE fairlead.chain (
	id           smallint PRIMARY KEY,          -- given by fairlead.chain_id; stable for the life of the database
	name         text NOT NULL UNIQUE,
	network      numeric,                       -- eth_chainId, seen first; never another one
	head         bigint,
	began        bigint,                        -- the first block that was ever to be read: nothing of ours stands below it
	done         bigint NOT NULL DEFAULT -1,    -- the cursor: every block up to it is read (INV-9)
	final        bigint NOT NULL DEFAULT -1,    -- called final, by a tag or a depth
	floor        bigint NOT NULL DEFAULT -1,    -- out of the window: no reorg goes to it or below
	floor_seq    bigint NOT NULL DEFAULT 1,     -- least number that a reorg can still take: from it on EVERY event writes images
	healthy      bigint NOT NULL DEFAULT 100,   -- of the configuration: blocks behind that are still well
	listening    bool NOT NULL DEFAULT false,
	catching_up  bool NOT NULL DEFAULT false,
	sweeping     bool NOT NULL DEFAULT false,
	rpc_ok       bool NOT NULL DEFAULT false,
	reconnects   int NOT NULL DEFAULT 0,
	subscription text,
	halted       text,                          -- why nothing is read or sent any more (P10)
	retired      timestamptz,                   -- no longer in the configuration
	CHECK (floor <= final)
) WITH (fillfactor = 40, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

CREATE FUNCTION fairlead.chain_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.network IS DISTINCT FROM OLD.network AND OLD.network IS NOT NULL THEN
		RAISE EXCEPTION 'chain % is network %, it can''t become %', OLD.name, OLD.network, NEW.network USING ERRCODE = 'FL006';
	END IF;
	RAISE EXCEPTION 'chain % would go back: final % to %, floor % to %', OLD.name, OLD.final, NEW.final, OLD.floor, NEW.floor
		USING ERRCODE = 'FL002';
END $$;
CREATE TRIGGER chain_guard BEFORE UPDATE ON fairlead.chain FOR EACH ROW
	WHEN (NEW.final < OLD.final OR NEW.floor < OLD.floor OR NEW.floor_seq < OLD.floor_seq
		OR (OLD.network IS NOT NULL AND NEW.network IS DISTINCT FROM OLD.network))
	EXECUTE FUNCTION fairlead.chain_guard();

-- The number of a chain by its name: the row and its lanes are made the first time.
CREATE FUNCTION fairlead.chain_id(p_name text) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE v smallint;
BEGIN
	SELECT id INTO v FROM fairlead.chain WHERE name = p_name;
	IF v IS NULL THEN
		LOCK TABLE fairlead.chain IN SHARE ROW EXCLUSIVE MODE;
		INSERT INTO fairlead.chain (id, name) SELECT coalesce(max(id), 0) + 1, p_name FROM fairlead.chain
		ON CONFLICT (name) DO NOTHING;
		SELECT id INTO v FROM fairlead.chain WHERE name = p_name;
	END IF;
	INSERT INTO fairlead.lane (name) VALUES ('listen:' || p_name), ('apply:' || p_name) ON CONFLICT DO NOTHING;
	RETURN v;
END $$;

-- Canonical blocks of the window. The chain of parent hashes is a foreign key: a block whose parent is not our block can't be
-- stored behind it. prev is NULL for the lowest of a run (the lowest one kept, or a jump).
CREATE TABLE fairlead.block (
	chain  smallint NOT NULL REFERENCES fairlead.chain,
	number bigint NOT NULL,
	hash   bytea NOT NULL CHECK (octet_length(hash) = 32),
	parent bytea NOT NULL CHECK (octet_length(parent) = 32),
	at     timestamptz NOT NULL,
	prev   bigint CHECK (prev = number - 1),
	PRIMARY KEY (chain, number),
	UNIQUE (chain, number, hash),
	UNIQUE (chain, prev),
	FOREIGN KEY (chain, prev, parent) REFERENCES fairlead.block (chain, number, hash)
);

-- Nonce samples (S2): the account's count as it was at a block hash.
CREATE TABLE fairlead.account (
	chain      smallint NOT NULL REFERENCES fairlead.chain,
	address    bytea NOT NULL CHECK (octet_length(address) = 20),
	block      bigint NOT NULL,
	block_hash bytea NOT NULL CHECK (octet_length(block_hash) = 32),
	count      bigint NOT NULL CHECK (count >= 0),
	at         timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (chain, address, block, block_hash)
);
