-- Slots, signed attempts and what blocks said about them (INV-5, INV-6, INV-7, CHAIN S1, S2). The guards hold against every
-- writer. They look at whole statements (transition tables) where thousands of rows may come at once.
--
-- LATERAL (… OFFSET 0), here and in the send path: one index look a row, by the whole key, whatever the statistics say. In the first
-- minute of a burst there are none, and a join or a partial index would be planned as a walk through all there is, a row each.

-- A nonce of a lane. A batch has one slot for life: what fails gives its ITEMS back, and they enter another batch.
CREATE TABLE fairlead.slot (
	chain        smallint NOT NULL REFERENCES fairlead.chain,
	signer       bytea NOT NULL CHECK (octet_length(signer) = 20),
	nonce        bigint NOT NULL CHECK (nonce >= 0),
	batch        bigint UNIQUE REFERENCES fairlead.batch, -- NULL: a no-op that closes a gap
	closed       text CHECK (closed IN ('done', 'reverted', 'cancelled', 'foreign')),
	closed_block bigint,
	closed_hash  bytea,
	winner       bytea,                         -- the attempt that consumed the nonce; none when it was something foreign
	at           timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (chain, signer, nonce),
	CHECK ((closed IS NULL) = (closed_block IS NULL) AND (closed IS NULL) = (closed_hash IS NULL)),
	CHECK (CASE WHEN closed IS NULL THEN winner IS NULL ELSE (closed = 'foreign') = (winner IS NULL) END)
) WITH (fillfactor = 80);
CREATE INDEX slot_open ON fairlead.slot (chain, signer, nonce) WHERE closed IS NULL;

-- Signed bytes, committed before the first one leaves (P2). What happened to them later stands in sending.
CREATE TABLE fairlead.attempt (
	chain  smallint NOT NULL,
	signer bytea NOT NULL,
	nonce  bigint NOT NULL,
	n      smallint NOT NULL CHECK (n >= 1),
	hash   bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
	raw    bytea NOT NULL,
	fee    numeric(78) NOT NULL,
	tip    numeric(78),
	kind   text NOT NULL CHECK (kind IN ('send', 'bump', 'cancel', 'recomposed')),
	at     timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (chain, signer, nonce, n),
	FOREIGN KEY (chain, signer, nonce) REFERENCES fairlead.slot
);
-- The item set of each signed attempt, committed with it. attempt_item_guard stands for its foreign keys: one look at a statement
-- instead of two at each row, and neither attempts nor items can ever be deleted.
CREATE TABLE fairlead.attempt_item (
	hash bytea NOT NULL,
	item bigint NOT NULL,
	PRIMARY KEY (item, hash)
);
CREATE INDEX attempt_item_hash ON fairlead.attempt_item (hash);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fairlead.attempt EXECUTE FUNCTION fairlead.append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fairlead.attempt_item EXECUTE FUNCTION fairlead.append_only();
-- A nonce that was given stays given: a slot that is deleted would leave a gap.
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON fairlead.slot EXECUTE FUNCTION fairlead.append_only();

-- What the endpoints answered to the bytes.
CREATE TABLE fairlead.sending (
	id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	hash     bytea NOT NULL REFERENCES fairlead.attempt (hash),
	at       timestamptz NOT NULL DEFAULT clock_timestamp(),
	endpoint text NOT NULL,                     -- its name for people, never its credentials
	answer   text                               -- NULL: accepted
);
CREATE INDEX sending_hash ON fairlead.sending (hash, id);

-- One row for each (transaction, block hash) that a receipt was read at (INV-7). Shown before finality, acted on only when final.
CREATE TABLE fairlead.verdict (
	hash       bytea NOT NULL REFERENCES fairlead.attempt (hash),
	block_hash bytea NOT NULL CHECK (octet_length(block_hash) = 32),
	chain      smallint NOT NULL,
	block      bigint NOT NULL,
	ok         bool NOT NULL,
	gas_used   bigint NOT NULL,
	price      numeric(78) NOT NULL,
	final      bool NOT NULL DEFAULT false,     -- its block is final and ours
	gone       bool NOT NULL DEFAULT false,     -- its slot was closed by another block: it will never be final
	at         timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (hash, block_hash),
	CHECK (NOT (final AND gone))
);
CREATE INDEX verdict_open ON fairlead.verdict (chain, block) WHERE NOT final AND NOT gone;
CREATE UNIQUE INDEX verdict_final ON fairlead.verdict (hash) WHERE final;

-- The join that takes a verdict back. "Not there" is not "taken back":
--   stands      its block is ours, or was when it was final
--   ahead       the endpoint that answered knows a block that the listener has not read yet
--   unanchored  the block is read but was not kept (below the window): see fairlead.anchor
--   taken back  another block stands at that height, or its slot was closed without it
CREATE VIEW fairlead.standing AS
SELECT v.*,
       CASE WHEN v.final OR b.hash = v.block_hash THEN 'stands'
            WHEN v.gone OR b.hash <> v.block_hash THEN 'taken back'
            WHEN v.block > c.done THEN 'ahead'
            ELSE 'unanchored' END AS standing
  FROM fairlead.verdict v
  JOIN fairlead.chain c ON c.id = v.chain
  LEFT JOIN fairlead.block b ON b.chain = v.chain AND b.number = v.block;

-- S1, S2: a slot closes once, only by a final block of the chain as the listener has it, and its winner is its own attempt. A slot
-- with a signed attempt keeps its batch.
CREATE FUNCTION fairlead.slot_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE s record;
BEGIN
	SELECT n.chain, n.nonce, n.closed_block,
	       CASE WHEN o.nonce IS NULL THEN 'has another key'
	            WHEN o.closed IS NOT NULL THEN 'is closed'
	            WHEN n.batch IS DISTINCT FROM o.batch AND (SELECT count(*) FROM fairlead.attempt a
	                 WHERE (a.chain, a.signer, a.nonce) = (n.chain, n.signer, n.nonce)) > 0 THEN 'has a signed attempt'
	            WHEN n.closed IS NULL THEN NULL
	            WHEN b.hash IS NULL THEN format('can''t close by block %s: not a final block of ours', n.closed_block)
	            WHEN n.winner IS NOT NULL AND (SELECT (a.chain, a.signer, a.nonce) = (n.chain, n.signer, n.nonce)
	                 FROM fairlead.attempt a WHERE a.hash = n.winner) IS NOT TRUE
	            THEN 'can''t be won by an attempt that is not its own' END AS why
	  INTO s
	  FROM fresh n
	  LEFT JOIN stale o ON (o.chain, o.signer, o.nonce) = (n.chain, n.signer, n.nonce)
	  LEFT JOIN fairlead.chain c ON c.id = n.chain
	  LEFT JOIN fairlead.block b ON (b.chain, b.number, b.hash) = (n.chain, n.closed_block, n.closed_hash) AND b.number <= c.final
	 WHERE o.nonce IS NULL OR o.closed IS NOT NULL OR n.closed IS NOT NULL OR n.batch IS DISTINCT FROM o.batch
	 ORDER BY 4 NULLS LAST LIMIT 1;
	IF s.why IS NOT NULL THEN
		RAISE EXCEPTION 'slot %/% %', s.chain, s.nonce, s.why USING ERRCODE = 'FL004';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER slot_guard AFTER UPDATE ON fairlead.slot REFERENCING OLD TABLE AS stale NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION fairlead.slot_guard();
CREATE FUNCTION fairlead.slot_born_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'slot %/% can''t begin closed', NEW.chain, NEW.nonce USING ERRCODE = 'FL004';
END $$;
CREATE TRIGGER slot_born_open BEFORE INSERT ON fairlead.slot FOR EACH ROW WHEN (NEW.closed IS NOT NULL)
	EXECUTE FUNCTION fairlead.slot_born_open();

-- An attempt is made for an open slot only.
CREATE FUNCTION fairlead.attempt_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE a record;
BEGIN
	SELECT n.chain, n.nonce INTO a
	  FROM fresh n
	  CROSS JOIN LATERAL (SELECT closed FROM fairlead.slot
	                       WHERE (chain, signer, nonce) = (n.chain, n.signer, n.nonce) OFFSET 0) s
	 WHERE s.closed IS NOT NULL LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'slot %/% is closed', a.chain, a.nonce USING ERRCODE = 'FL004';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER attempt_guard AFTER INSERT ON fairlead.attempt REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION fairlead.attempt_guard();

-- The items of an attempt are items of its open slot's batch.
CREATE FUNCTION fairlead.attempt_item_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE x record;
BEGIN
	SELECT n.item, encode(n.hash, 'hex') AS hash INTO x
	  FROM fresh n
	  LEFT JOIN LATERAL (SELECT chain, signer, nonce FROM fairlead.attempt WHERE hash = n.hash OFFSET 0) a ON true
	  LEFT JOIN LATERAL (SELECT batch, closed FROM fairlead.slot
	                      WHERE (chain, signer, nonce) = (a.chain, a.signer, a.nonce) OFFSET 0) s ON true
	  LEFT JOIN LATERAL (SELECT batch, state FROM fairlead.item WHERE id = n.item OFFSET 0) i ON true
	 WHERE (i.batch = s.batch AND i.state = 'batched' AND s.closed IS NULL) IS NOT TRUE LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'item % is not in the batch of the open slot of attempt 0x%', x.item, x.hash USING ERRCODE = 'FL004';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER attempt_item_guard AFTER INSERT ON fairlead.attempt_item REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION fairlead.attempt_item_guard();

-- S1: an item can't leave an open slot in which a signed attempt holds it. A row trigger, because items are written one by one in
-- rules: its WHEN costs nothing there, and the first look (one index entry) ends it for a slot that is closed.
CREATE FUNCTION fairlead.item_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM fairlead.slot s WHERE s.batch = OLD.batch AND s.closed IS NULL
	              AND EXISTS (SELECT FROM fairlead.attempt_item x JOIN fairlead.attempt a ON a.hash = x.hash
	                           WHERE x.item = OLD.id AND (a.chain, a.signer, a.nonce) = (s.chain, s.signer, s.nonce))) THEN
		RAISE EXCEPTION 'item % stands in a signed attempt of an open slot', OLD.id USING ERRCODE = 'FL004';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER item_guard BEFORE UPDATE ON fairlead.item FOR EACH ROW
	WHEN (OLD.state = 'batched' AND (NEW.state <> 'batched' OR NEW.batch IS DISTINCT FROM OLD.batch))
	EXECUTE FUNCTION fairlead.item_guard();

-- A batch ends with its slot, not before.
CREATE FUNCTION fairlead.batch_end_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM fairlead.slot s WHERE s.batch = NEW.id AND s.closed IS NULL) THEN
		RAISE EXCEPTION 'the slot of batch % is open', NEW.id USING ERRCODE = 'FL004';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER batch_end_guard BEFORE UPDATE ON fairlead.batch FOR EACH ROW
	WHEN (OLD.state = 'bound' AND NEW.state <> 'bound') EXECUTE FUNCTION fairlead.batch_end_guard();
