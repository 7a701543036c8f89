-- Pools: many keys send for one name, from many processes (CHAIN S1, S4). Which lane signs a ready batch, which process holds a lane,
-- which key gets money from which.

-- A ready batch that a lane has read is that lane's as long as the lane is held under that epoch; who loses the lane loses its claims
-- with it. Nothing depends on a claim: send_commit decides (FL005). It spares lanes of one pool reading and simulating the same.
ALTER TABLE fairlead.batch ADD COLUMN claim text, ADD COLUMN claim_epoch bigint;

-- `order: strict`: the item was in a transaction that failed, or was given back, and goes before all else.
ALTER TABLE fairlead.item ADD COLUMN freed bool;
CREATE INDEX item_freed ON fairlead.item (batch_of, turn, ordinal, id) WHERE freed AND state IN ('waiting', 'batched');

CREATE OR REPLACE FUNCTION fairlead.item_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.at := clock_timestamp();
	IF OLD.state IN ('batched', 'parked', 'already') THEN
		NEW.freed := nullif((SELECT d.strict FROM fairlead.batch_decl d WHERE d.name = NEW.batch_of), false);
	END IF;
	RETURN NEW;
END $$;

-- Does somebody else hold this claim still?
CREATE FUNCTION fairlead.claimed(p_claim text, p_epoch bigint, p_but text) RETURNS bool STABLE LANGUAGE sql AS $$
	SELECT p_claim IS NOT NULL AND p_claim <> p_but
	   AND EXISTS (SELECT FROM fairlead.lane l WHERE l.name = p_claim AND l.epoch = p_epoch AND l.until > clock_timestamp())
$$;

-- Ready batches for one lane of a pool of p_keys, in the order of urgency and age, without p_but: at most p_limit, and no more than
-- its share of what is free, so that the other lanes find theirs. What other lanes are claiming at this moment is skipped.
CREATE FUNCTION fairlead.claim(p_lane text, p_epoch bigint, p_pool text, p_chain smallint, p_keys int, p_limit int, p_but bigint[])
RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE v_free int;
BEGIN
	EXECUTE format('SELECT count(*) FROM (SELECT FROM fairlead.batch b WHERE pool = $1 AND state = ''ready'' AND chain = $2'
		' AND id <> ALL ($3) AND NOT fairlead.claimed(claim, claim_epoch, $4) ORDER BY rank, id LIMIT %s) b', p_limit * p_keys)
	   INTO v_free USING p_pool, p_chain, p_but, p_lane;
	IF v_free = 0 THEN
		RETURN;
	END IF;
	PERFORM fairlead.hold(p_lane, p_epoch);
	RETURN QUERY EXECUTE format('UPDATE fairlead.batch b SET claim = $4, claim_epoch = $5'
		' FROM (SELECT id FROM fairlead.batch WHERE pool = $1 AND state = ''ready'' AND chain = $2 AND id <> ALL ($3)'
		'          AND NOT fairlead.claimed(claim, claim_epoch, $4)'
		'        ORDER BY rank, id LIMIT %s FOR UPDATE SKIP LOCKED) f'
		' WHERE b.id = f.id RETURNING b.id', greatest(1, least(p_limit, (v_free + p_keys - 1) / p_keys)))
	 USING p_pool, p_chain, p_but, p_lane, p_epoch;
END $$;

-- `order: strict`: the one batch of a pool that may be signed next, or none. One at a time over all lanes of the pool: the next is
-- signed when the one before was seen to succeed (success waits for no finality), and after a failure when its items have come
-- back and were cut anew, which is when a final block has closed its slot (S1).
CREATE FUNCTION fairlead.claim_strict(p_lane text, p_epoch bigint, p_pool text, p_chain smallint, p_but bigint[])
RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
	v_names text[] := ARRAY(SELECT name FROM fairlead.batch_decl WHERE pool = p_pool);
	v_first bigint;
	v_freed record;
BEGIN
	-- Two lanes that look at the same moment would both find nothing under way. Whoever is second looks again.
	IF NOT pg_try_advisory_xact_lock(hashtextextended('fairlead strict ' || p_pool, 0)) THEN
		RETURN;
	END IF;
	SELECT b.id INTO v_first FROM fairlead.batch b
	 WHERE b.pool = p_pool AND b.state = 'ready' AND b.chain = p_chain ORDER BY b.rank, b.id LIMIT 1;
	IF NOT FOUND
	   OR EXISTS (SELECT FROM fairlead.batch b WHERE b.pool = p_pool AND b.state = 'ready' AND b.claim IS NOT NULL
	                 AND fairlead.claimed(b.claim, b.claim_epoch, p_lane))
	   OR EXISTS (SELECT FROM fairlead.batch b
	                CROSS JOIN LATERAL (SELECT chain, signer, nonce FROM fairlead.slot WHERE batch = b.id AND closed IS NULL OFFSET 0) s
	               WHERE b.name = ANY (v_names) AND b.state = 'bound'
	                 AND NOT EXISTS (SELECT FROM fairlead.attempt a JOIN fairlead.standing v ON v.hash = a.hash
	                                  WHERE (a.chain, a.signer, a.nonce) = (s.chain, s.signer, s.nonce)
	                                    AND v.ok AND v.standing <> 'taken back' AND a.kind <> 'cancel')) THEN
		RETURN;
	END IF;
	-- What was freed first of all: where it waits to be cut, everything waits with it.
	SELECT i.state, b.id, b.state AS batch_state INTO v_freed
	  FROM fairlead.item i LEFT JOIN fairlead.batch b ON b.id = i.batch
	 WHERE i.batch_of = ANY (v_names) AND i.freed AND i.state IN ('waiting', 'batched')
	   AND (b.id IS NULL OR b.state = 'ready') AND i.cause IS NOT NULL
	 ORDER BY i.turn, i.ordinal, i.id LIMIT 1;
	IF FOUND THEN
		v_first := v_freed.id;
	END IF;
	IF v_first IS NULL OR v_first = ANY (p_but) THEN
		RETURN;
	END IF;
	PERFORM fairlead.hold(p_lane, p_epoch);
	RETURN QUERY UPDATE fairlead.batch b SET claim = p_lane, claim_epoch = p_epoch
	              WHERE b.id = v_first AND b.state = 'ready' RETURNING b.id;
END $$;

-- A lane that can't sign now gives its claims back.
CREATE FUNCTION fairlead.unclaim(p_lane text, p_epoch bigint, p_pool text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	UPDATE fairlead.batch SET claim = NULL, claim_epoch = NULL
	 WHERE pool = p_pool AND state = 'ready' AND claim = p_lane AND claim_epoch = p_epoch;
END $$;

-- Lanes spread over the processes that can hold them. Who lives, and which lanes it could hold:
CREATE TABLE fairlead.seat (
	holder  text PRIMARY KEY,
	lanes   text[] NOT NULL,
	until   timestamptz NOT NULL,
	backend int NOT NULL
) WITH (fillfactor = 50);
-- A holder that gives a lane away says to whom; nobody else takes it before next_until.
ALTER TABLE fairlead.lane ADD COLUMN next text, ADD COLUMN next_until timestamptz;

CREATE FUNCTION fairlead.seat_keep(p_holder text, p_lanes text[], p_ttl interval) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO fairlead.seat AS s (holder, lanes, until, backend)
	VALUES (p_holder, p_lanes, clock_timestamp() + p_ttl, pg_backend_pid())
	ON CONFLICT (holder) DO UPDATE SET (lanes, until, backend) = (EXCLUDED.lanes, EXCLUDED.until, EXCLUDED.backend);
	DELETE FROM fairlead.seat WHERE until < clock_timestamp() - interval '1 minute';
END $$;

CREATE FUNCTION fairlead.seat_leave(p_holder text) RETURNS void LANGUAGE sql AS $$
	DELETE FROM fairlead.seat WHERE holder = p_holder
$$;

-- How lanes stand: free is what take gives. next: whoever it was left to, while that binds.
CREATE FUNCTION fairlead.seat_lanes(p_lanes text[]) RETURNS TABLE (name text, holder text, free bool, next text)
STABLE LANGUAGE sql AS $$
	SELECT n.name, l.holder,
	       l.name IS NULL OR l.until < clock_timestamp() OR NOT EXISTS (SELECT FROM pg_stat_get_activity(l.backend)),
	       CASE WHEN l.next_until > clock_timestamp() THEN l.next END
	  FROM unnest(p_lanes) WITH ORDINALITY n(name, i) LEFT JOIN fairlead.lane l ON l.name = n.name
	 ORDER BY n.i
$$;
CREATE FUNCTION fairlead.seat_holders() RETURNS TABLE (holder text, lanes text[]) STABLE LANGUAGE sql AS $$
	SELECT s.holder, s.lanes FROM fairlead.seat s
	 WHERE s.until > clock_timestamp() AND EXISTS (SELECT FROM pg_stat_get_activity(s.backend))
	 ORDER BY s.holder
$$;

-- fairlead.take for a lane that goes round: not before `next` has had its time, and never behind a lock: the connection carries the
-- other lanes of its process, so it tries again instead. What it says of a frozen holder is take's (022).
CREATE FUNCTION fairlead.seat_take(p_lane text, p_holder text, p_ttl interval, OUT epoch bigint, OUT at bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO fairlead.lane (name) SELECT p_lane
	 WHERE NOT EXISTS (SELECT FROM fairlead.lane l WHERE l.name = p_lane)
	ON CONFLICT DO NOTHING;
	BEGIN
		PERFORM pg_terminate_backend(a.pid)
		   FROM fairlead.lane l
		   JOIN pg_locks k ON k.transactionid = l.xmax AND k.locktype = 'transactionid' AND k.mode = 'ExclusiveLock' AND k.granted
		   JOIN pg_stat_activity a ON a.pid = k.pid
		  WHERE l.name = p_lane AND l.until < clock_timestamp() AND l.xmax <> '0'
		    AND a.pid <> pg_backend_pid() AND a.wait_event = 'ClientRead' AND a.state_change < clock_timestamp() - p_ttl / 2;
	EXCEPTION WHEN insufficient_privilege THEN
		NULL; -- another role's: as long as it stands, the lane is its
	END;
	UPDATE fairlead.lane l
	   SET epoch = l.epoch + 1, holder = p_holder, since = clock_timestamp(), until = clock_timestamp() + p_ttl,
	       backend = pg_backend_pid(), next = NULL, next_until = NULL
	 WHERE l.name = (SELECT f.name FROM fairlead.lane f
	                  WHERE f.name = p_lane
	                    AND (f.until < clock_timestamp() OR NOT EXISTS (SELECT FROM pg_stat_get_activity(f.backend)))
	                    AND (f.next IS NULL OR f.next = p_holder OR f.next_until < clock_timestamp())
	                  FOR UPDATE SKIP LOCKED)
	RETURNING l.epoch, l.at INTO seat_take.epoch, seat_take.at;
END $$;

CREATE FUNCTION fairlead.seat_give(p_lane text, p_epoch bigint, p_next text, p_for interval) RETURNS void LANGUAGE sql AS $$
	UPDATE fairlead.lane SET until = '-infinity', holder = NULL, since = NULL, backend = NULL,
	       next = p_next, next_until = clock_timestamp() + p_for
	 WHERE name = p_lane AND epoch = p_epoch
$$;

-- Money of the keys, as their lanes last read it. spare: the balance less what all unmined slots may cost.
CREATE TABLE fairlead.purse (
	chain   smallint NOT NULL REFERENCES fairlead.chain,
	address bytea NOT NULL CHECK (octet_length(address) = 20),
	pool    text NOT NULL,
	wei     numeric(78) NOT NULL,
	spare   numeric(78) NOT NULL,
	block   bigint NOT NULL,                    -- as of this block
	at      timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (chain, address)
) WITH (fillfactor = 50);

-- float: one key of a pool gives another what it lacks. The slot that does it has no batch. done is set when the receiver's own
-- balance was read at a block that holds it, or when its slot was closed without it: until then nobody gives to that key again.
CREATE TABLE fairlead.topup (
	id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	chain   smallint NOT NULL,
	giver   bytea NOT NULL,
	nonce   bigint NOT NULL,
	taker   bytea NOT NULL CHECK (octet_length(taker) = 20),
	wei     numeric(78) NOT NULL CHECK (wei > 0),
	at      timestamptz NOT NULL DEFAULT clock_timestamp(),
	done    timestamptz,
	UNIQUE (chain, giver, nonce),
	FOREIGN KEY (chain, giver, nonce) REFERENCES fairlead.slot,
	CHECK (giver <> taker)
);
CREATE UNIQUE INDEX topup_open ON fairlead.topup (chain, taker) WHERE done IS NULL; -- one for one need

-- What this lane's key has. Top-ups that this balance shows, or that have failed for good, are over.
CREATE FUNCTION fairlead.purse_put(p_lane text, p_epoch bigint, p_chain smallint, p_address bytea, p_pool text, p_wei numeric,
	p_spare numeric, p_block bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	PERFORM fairlead.lane_is_of(p_lane, p_address);
	INSERT INTO fairlead.purse AS p (chain, address, pool, wei, spare, block)
	VALUES (p_chain, p_address, p_pool, p_wei, p_spare, p_block)
	ON CONFLICT (chain, address) DO UPDATE SET (pool, wei, spare, block, at) =
	            (EXCLUDED.pool, EXCLUDED.wei, EXCLUDED.spare, EXCLUDED.block, clock_timestamp());
	UPDATE fairlead.topup t SET done = clock_timestamp()
	  FROM fairlead.slot s
	 WHERE t.chain = p_chain AND t.taker = p_address AND t.done IS NULL
	   AND (s.chain, s.signer, s.nonce) = (t.chain, t.giver, t.nonce)
	   AND (s.closed IS NOT NULL
	        OR EXISTS (SELECT FROM fairlead.attempt a JOIN fairlead.standing v ON v.hash = a.hash
	                    WHERE (a.chain, a.signer, a.nonce) = (s.chain, s.signer, s.nonce)
	                      AND v.ok AND a.kind <> 'cancel' AND v.standing = 'stands' AND v.block <= p_block));
END $$;

-- One that has arrived and was reorged out again is under way, too: it waits in the mempool.
CREATE FUNCTION fairlead.topup_under_way(p_chain smallint, p_taker bytea) RETURNS bool STABLE LANGUAGE sql AS $$
	SELECT EXISTS (SELECT FROM fairlead.topup t JOIN fairlead.slot s ON (s.chain, s.signer, s.nonce) = (t.chain, t.giver, t.nonce)
	                WHERE t.chain = p_chain AND t.taker = p_taker
	                  AND (t.done IS NULL
	                       OR s.closed IS NULL
	                          AND NOT EXISTS (SELECT FROM fairlead.attempt a JOIN fairlead.standing v ON v.hash = a.hash
	                                           WHERE (a.chain, a.signer, a.nonce) = (s.chain, s.signer, s.nonce)
	                                             AND v.ok AND v.standing <> 'taken back')))
$$;
CREATE INDEX topup_taker ON fairlead.topup (chain, taker);

-- The key of the pool that is poorest below p_below and gets nothing yet, when the caller's own is the richest and can spare what
-- brings it to p_float without falling below p_below itself. One row or none. A balance that nobody has read lately counts for nothing.
CREATE FUNCTION fairlead.topup_due(p_chain smallint, p_address bytea, p_pool text, p_below numeric, p_float numeric)
RETURNS TABLE (taker bytea, wei numeric) STABLE LANGUAGE sql AS $$
	WITH fresh AS (
		SELECT * FROM fairlead.purse WHERE chain = p_chain AND pool = p_pool AND at > clock_timestamp() - interval '1 minute'
	), mine AS (
		SELECT f.* FROM fresh f
		 WHERE f.address = p_address AND NOT EXISTS (SELECT FROM fresh o WHERE (o.spare, o.address) > (f.spare, f.address))
	)
	SELECT f.address, p_float - f.wei FROM fresh f, mine m
	 WHERE f.address <> p_address AND f.wei < p_below AND m.spare - (p_float - f.wei) >= p_below
	   AND NOT fairlead.topup_under_way(p_chain, f.address)
	 ORDER BY f.wei, f.address LIMIT 1
$$;

-- A top-up's slot and its first signed bytes, as send_commit does for batches (INV-5, S4). FL005: something changed since, or the key
-- gets something already.
CREATE FUNCTION fairlead.topup_commit(p_lane text, p_epoch bigint, p_chain smallint, p_signer bytea, p_nonce bigint, p_hash bytea,
	p_raw bytea, p_fee numeric, p_tip numeric, p_taker bytea, p_wei numeric, p_reason text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_at bigint;
BEGIN
	v_at := fairlead.hold(p_lane, p_epoch);
	PERFORM fairlead.lane_is_of(p_lane, p_signer);
	IF v_at <> p_nonce THEN
		RAISE EXCEPTION 'lane % stands at nonce %, not at %', p_lane, v_at, p_nonce USING ERRCODE = 'FL005';
	END IF;
	INSERT INTO fairlead.slot (chain, signer, nonce) VALUES (p_chain, p_signer, p_nonce);
	BEGIN
		INSERT INTO fairlead.topup (chain, giver, nonce, taker, wei) VALUES (p_chain, p_signer, p_nonce, p_taker, p_wei);
	EXCEPTION WHEN unique_violation THEN
		RAISE EXCEPTION 'key 0x% is being topped up', encode(p_taker, 'hex') USING ERRCODE = 'FL005';
	END;
	INSERT INTO fairlead.attempt (chain, signer, nonce, n, hash, raw, fee, tip, kind, reason)
	VALUES (p_chain, p_signer, p_nonce, 1, p_hash, p_raw, p_fee, p_tip, 'send', p_reason);
	UPDATE fairlead.lane SET at = at + 1 WHERE name = p_lane;
END $$;

-- The rights of what this file adds, beside those of 009; at each install.
CREATE FUNCTION fairlead.grant_pools() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'submitter', 'reconciler', 'gateway'],
		'SELECT ON fairlead.seat, fairlead.purse, fairlead.topup');
	PERFORM fairlead.grant_to(ARRAY['submitter'], 'INSERT, UPDATE, DELETE ON fairlead.seat');
	PERFORM fairlead.grant_to(ARRAY['submitter'], 'INSERT, UPDATE ON fairlead.purse');
	PERFORM fairlead.grant_to(ARRAY['submitter'], 'INSERT, UPDATE (done) ON fairlead.topup');
	PERFORM fairlead.grant_to(ARRAY['submitter'], 'UPDATE (claim, claim_epoch) ON fairlead.batch');
END $$;
SELECT fairlead.grant_pools();
