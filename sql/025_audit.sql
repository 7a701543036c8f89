-- What a signer may do is judged where it is written, and what was done is a chain of hashes (P23).
--
-- The TRAIL of an account is one order (seq 1, 2, …) over its signed attempts and over what was refused; that of people is fairlead.act.
-- Each row carries link = sha256(link of the row before ‖ its own text); the newest link stands on the lane's row (fairlead.act_head for
-- people). The text of a row is its columns joined by |, the item set included; what is free text stands last, or as JSON. The signed bytes
-- are bound by their hash. common/ledger/audit.c has the same texts and walks them.
--
-- SQLSTATE FL007: a policy of the signer refuses it. The message is a reason (019): its code, its numbers, until when.

ALTER TABLE fairlead.lane
	ADD COLUMN signer text,                     -- send: whose, as the file names it
	ADD COLUMN links  bigint NOT NULL DEFAULT 0, -- send: rows of the account's trail
	ADD COLUMN link   bytea NOT NULL DEFAULT '\x'; -- the newest of them

-- Links of rows that come behind each other.
CREATE FUNCTION fairlead.chain_links(p_link bytea, p_rows text[]) RETURNS bytea[] IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE
	v_row   text;
	v_links bytea[] := '{}';
BEGIN
	FOREACH v_row IN ARRAY p_rows LOOP
		p_link := sha256(p_link || convert_to(v_row, 'UTF8'));
		v_links := v_links || p_link;
	END LOOP;
	RETURN v_links;
END $$;
CREATE FUNCTION fairlead.unix_us(p timestamptz) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$
	SELECT (extract(epoch FROM p) * 1000000)::bigint
$$;

-- What a policy refused. Append only; tried again when the policy allows, so the same thing may stand here twice.
CREATE TABLE fairlead.refusal (
	chain  smallint NOT NULL,
	signer bytea NOT NULL,
	seq    bigint NOT NULL,
	batch  bigint,                              -- that was not signed
	nonce  bigint,                              -- whose next attempt was not signed
	kind   text NOT NULL CHECK (kind IN ('send', 'bump', 'cancel', 'recomposed')),
	at     timestamptz NOT NULL DEFAULT clock_timestamp(),
	reason text NOT NULL,
	link   bytea NOT NULL,
	PRIMARY KEY (chain, signer, seq)
);
CREATE INDEX refusal_at ON fairlead.refusal (at);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fairlead.refusal EXECUTE FUNCTION fairlead.append_only();

-- ── the trail begins with what is there ──

ALTER TABLE fairlead.attempt ADD COLUMN seq bigint, ADD COLUMN link bytea;
ALTER TABLE fairlead.attempt DISABLE TRIGGER append_only;
DO $$
DECLARE
	l       record;
	a       record;
	v_seq   bigint;
	v_link  bytea;
BEGIN
	FOR l IN SELECT DISTINCT chain, signer FROM fairlead.attempt LOOP
		v_seq := 0;
		v_link := '\x';
		FOR a IN SELECT x.*, ARRAY(SELECT item FROM fairlead.attempt_item i WHERE i.hash = x.hash ORDER BY item)::text AS items
		           FROM fairlead.attempt x WHERE (x.chain, x.signer) = (l.chain, l.signer) ORDER BY x.at, x.nonce, x.n LOOP
			v_seq := v_seq + 1;
			v_link := sha256(v_link || convert_to(concat_ws('|', 'attempt', a.chain, encode(a.signer, 'hex'), a.kind, fairlead.unix_us(a.at), v_seq,
				a.nonce, a.n, encode(a.hash, 'hex'), a.fee, a.tip, a.items, a.reason), 'UTF8'));
			UPDATE fairlead.attempt SET seq = v_seq, link = v_link
			 WHERE (chain, signer, nonce, n) = (a.chain, a.signer, a.nonce, a.n);
		END LOOP;
		UPDATE fairlead.lane n SET links = v_seq, link = v_link
		  FROM fairlead.chain c
		 WHERE c.id = l.chain AND n.name LIKE 'send:%' AND split_part(n.name, ':', 2) = c.network::text
		   AND lower(right(n.name, 40)) = encode(l.signer, 'hex');
	END LOOP;
END $$;
ALTER TABLE fairlead.attempt ENABLE TRIGGER append_only;
ALTER TABLE fairlead.attempt ALTER COLUMN seq SET NOT NULL, ALTER COLUMN link SET NOT NULL;
CREATE UNIQUE INDEX attempt_trail ON fairlead.attempt (chain, signer, seq);

-- ── acts of people ──

CREATE TABLE fairlead.act_head (
	one   bool PRIMARY KEY DEFAULT true CHECK (one),
	links bigint NOT NULL DEFAULT 0,
	link  bytea NOT NULL DEFAULT '\x'
);
INSERT INTO fairlead.act_head DEFAULT VALUES;
ALTER TABLE fairlead.act ADD COLUMN batch bigint, ADD COLUMN seq bigint, ADD COLUMN link bytea;
ALTER TABLE fairlead.act DROP CONSTRAINT act_what_check;
ALTER TABLE fairlead.act ADD CONSTRAINT act_what_check
	CHECK (what IN ('retry', 'drop', 'flush', 'replay', 'cancel', 'resend', 'freeze', 'thaw'));

CREATE FUNCTION fairlead.act_text(a fairlead.act) RETURNS text STABLE LANGUAGE sql AS $$
	SELECT concat_ws('|', 'act', a.seq, fairlead.unix_us(a.at), to_json(a.who), a.what, coalesce(a.item::text, '-'), coalesce(a.dead::text, '-'),
	                 coalesce(a.batch::text, '-'), to_json(a.of), to_json(a.text))
$$;
-- Whoever inserts an act links it. Acts come last in a transaction: the head's row is locked until its end.
CREATE FUNCTION fairlead.act_links() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_link bytea;
BEGIN
	UPDATE fairlead.act_head SET links = links + 1 RETURNING links, link INTO NEW.seq, v_link;
	NEW.link := sha256(v_link || convert_to(fairlead.act_text(NEW), 'UTF8'));
	UPDATE fairlead.act_head SET link = NEW.link;
	RETURN NEW;
END $$;
ALTER TABLE fairlead.act DISABLE TRIGGER append_only;
DO $$
DECLARE
	a      fairlead.act;
	v_seq  bigint := 0;
	v_link bytea := '\x';
BEGIN
	FOR a IN SELECT * FROM fairlead.act ORDER BY id LOOP
		v_seq := v_seq + 1;
		a.seq := v_seq;
		v_link := sha256(v_link || convert_to(fairlead.act_text(a), 'UTF8'));
		UPDATE fairlead.act SET seq = v_seq, link = v_link WHERE id = a.id;
	END LOOP;
	UPDATE fairlead.act_head SET links = v_seq, link = v_link;
END $$;
ALTER TABLE fairlead.act ENABLE TRIGGER append_only;
ALTER TABLE fairlead.act ALTER COLUMN seq SET NOT NULL, ALTER COLUMN link SET NOT NULL;
CREATE UNIQUE INDEX act_trail ON fairlead.act (seq);
CREATE TRIGGER act_links BEFORE INSERT ON fairlead.act FOR EACH ROW EXECUTE FUNCTION fairlead.act_links();

-- One act of a person, appended to the trail. p_of: what it was asked for, as it was written. Returns its id.
CREATE FUNCTION fairlead.act_add(p_who text, p_what text, p_of text, p_text text, p_item bigint DEFAULT NULL, p_dead bigint DEFAULT NULL,
	p_batch bigint DEFAULT NULL) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO fairlead.act (who, what, item, dead, batch, of, text) VALUES (p_who, p_what, p_item, p_dead, p_batch, p_of, p_text)
	RETURNING id
$$;

-- ── freeze ──

-- A row: nothing new is signed in that signer's name, whatever submitter asks; but a no-op that ends an open slot.
CREATE TABLE fairlead.freeze (
	signer text PRIMARY KEY,                    -- as the file names it
	since  timestamptz NOT NULL DEFAULT clock_timestamp(),
	who    text NOT NULL
);

-- true: it was not frozen before. Waits for commits that are under way: once this has returned, none follows.
CREATE FUNCTION fairlead.freeze(p_who text, p_signer text) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_new bool;
BEGIN
	IF NOT EXISTS (SELECT FROM fairlead.lane WHERE signer = p_signer) AND NOT EXISTS (SELECT FROM fairlead.batch_decl WHERE pool = p_signer) THEN
		RAISE EXCEPTION 'there is no signer %', p_signer USING ERRCODE = 'FL005';
	END IF;
	INSERT INTO fairlead.freeze (signer, who) VALUES (p_signer, p_who) ON CONFLICT DO NOTHING;
	v_new := FOUND;
	PERFORM FROM fairlead.lane WHERE name LIKE 'send:%' AND coalesce(signer, p_signer) = p_signer ORDER BY name FOR UPDATE;
	IF v_new THEN
		PERFORM fairlead.act_add(p_who, 'freeze', p_signer, 'It signs nothing.');
		PERFORM pg_notify('fairlead_wish', 'freeze:' || p_signer);
	END IF;
	RETURN v_new;
END $$;

-- true: it was frozen.
CREATE FUNCTION fairlead.thaw(p_who text, p_signer text) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM fairlead.freeze WHERE signer = p_signer;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM fairlead.act_add(p_who, 'thaw', p_signer, 'It signs again.');
	PERFORM pg_notify('fairlead_wish', 'thaw:' || p_signer);
	RETURN true;
END $$;

-- ── what a signer used up of its windows ──

-- In sixtieths of a window; a piece counts until its end has left the window. One row set a signer, whatever key of it signed.
CREATE TABLE fairlead.used (
	signer text NOT NULL,
	what   text NOT NULL CHECK (what IN ('limit', 'spend')),
	till   timestamptz NOT NULL,                -- the end of the piece
	amount numeric(78) NOT NULL,                -- transactions, or wei
	PRIMARY KEY (signer, what, till)
) WITH (fillfactor = 50);

-- Counts p_amount; refuses it first where the window has not that much room. p_most NULL: no such policy.
CREATE FUNCTION fairlead.use(p_signer text, p_what text, p_amount numeric, p_most numeric, p_per_ms bigint, p_refuse bool) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	v_per   interval := p_per_ms * interval '1 ms';
	v_piece bigint := greatest(p_per_ms / 60, 1);
	v_now   timestamptz;
	v_used  numeric;
	v_first timestamptz;
BEGIN
	IF p_most IS NULL OR p_signer IS NULL THEN
		RETURN;
	END IF;
	PERFORM pg_advisory_xact_lock(hashtextextended('fairlead.used ' || p_signer, 0)); -- the lanes of a pool have one window
	v_now := clock_timestamp();
	SELECT coalesce(sum(amount), 0), min(till) INTO v_used, v_first
	  FROM fairlead.used WHERE signer = p_signer AND what = p_what AND till > v_now - v_per;
	IF p_refuse AND p_amount > 0 AND v_used + p_amount > p_most THEN
		RAISE EXCEPTION '%', fairlead.reason('policy_' || p_what, 'used', v_used::text, 'most', p_most::text, 'per', p_per_ms::text,
			'room', greatest(p_most - v_used, 0)::text, 'until', ceil(extract(epoch FROM v_first + v_per) * 1000)::text) USING ERRCODE = 'FL007';
	END IF;
	IF p_amount > 0 THEN
		INSERT INTO fairlead.used AS u (signer, what, till, amount)
		VALUES (p_signer, p_what, to_timestamp((floor(extract(epoch FROM v_now) * 1000 / v_piece) + 1) * v_piece / 1000.0), p_amount)
		ON CONFLICT (signer, what, till) DO UPDATE SET amount = u.amount + EXCLUDED.amount;
		DELETE FROM fairlead.used WHERE signer = p_signer AND what = p_what AND till < v_now - v_per;
	END IF;
END $$;

-- ── the send path ──

-- As before (019), and: the signer's policies that only PostgreSQL can judge, and the trail. p_name: the signer as the file names it;
-- p_costs: what each may cost at most, in wei.
DROP FUNCTION fairlead.send_commit(text, bigint, smallint, bytea, bigint, bigint[], bytea[], bytea[], numeric[], numeric[], bigint[], bigint[],
	text[]);
CREATE FUNCTION fairlead.send_commit(p_lane text, p_epoch bigint, p_chain smallint, p_signer bytea, p_first bigint,
	p_batches bigint[], p_hashes bytea[], p_raws bytea[], p_fees numeric[], p_tips numeric[],
	p_items bigint[], p_item_batch bigint[], p_reasons text[] DEFAULT NULL, p_name text DEFAULT NULL, p_costs numeric[] DEFAULT NULL,
	p_limit numeric DEFAULT NULL, p_limit_ms bigint DEFAULT NULL, p_spend numeric DEFAULT NULL, p_spend_ms bigint DEFAULT NULL) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
	v_at     bigint;
	v_bad    bigint;
	v_k      int := cardinality(p_batches);
	v_seq    bigint;
	v_link   bytea;
	v_links  bytea[];
	v_name   text;
	v_text   text;
	v_now    timestamptz;
BEGIN
	v_at := fairlead.hold(p_lane, p_epoch);
	PERFORM fairlead.lane_is_of(p_lane, p_signer);
	IF v_at <> p_first THEN
		RAISE EXCEPTION 'lane % stands at nonce %, not at %', p_lane, v_at, p_first USING ERRCODE = 'FL005';
	END IF;
	v_now := clock_timestamp();
	v_text := concat_ws('|', 'attempt', p_chain, encode(p_signer, 'hex'), 'send', fairlead.unix_us(v_now));
	SELECT coalesce(p_name, l.signer), l.links, l.link INTO v_name, v_seq, v_link FROM fairlead.lane l WHERE l.name = p_lane;
	PERFORM fairlead.may_sign(v_name);
	PERFORM fairlead.use(v_name, 'limit', v_k, p_limit, p_limit_ms, true);
	IF p_spend IS NOT NULL THEN
		PERFORM fairlead.use(v_name, 'spend', (SELECT sum(c) FROM unnest(p_costs) c), p_spend, p_spend_ms, true);
	END IF;

	-- Other lanes of the pool, unbatch and items_settle lock the same rows: it is one or the other.
	PERFORM FROM fairlead.batch WHERE id = ANY (p_batches) ORDER BY id FOR UPDATE;
	SELECT g.id INTO v_bad
	  FROM unnest(p_batches) g(id)
	  LEFT JOIN LATERAL (SELECT state, chain FROM fairlead.batch WHERE id = g.id OFFSET 0) b ON true
	 WHERE (b.state = 'ready' AND b.chain = p_chain) IS NOT TRUE OR g.id <> ALL (p_item_batch) LIMIT 1;
	IF NOT FOUND THEN
		SELECT coalesce(g.batch, h.batch) INTO v_bad
		  FROM unnest(p_items, p_item_batch) g(item, batch)
		  FULL JOIN (SELECT i.id, b.id AS batch FROM unnest(p_batches) b(id)
		              CROSS JOIN LATERAL (SELECT id FROM fairlead.item
		                                   WHERE batch = b.id AND state = 'batched' AND cause IS NOT NULL OFFSET 0) i) h
		    ON h.id = g.item AND h.batch = g.batch
		 WHERE g.item IS NULL OR h.id IS NULL LIMIT 1;
	END IF;
	IF FOUND THEN
		RAISE EXCEPTION 'batch % changed', v_bad USING ERRCODE = 'FL005';
	END IF;

	v_links := fairlead.chain_links(v_link, ARRAY(
		SELECT concat_ws('|', v_text, v_seq + g.i, p_first + g.i - 1, 1, encode(g.hash, 'hex'), g.fee, g.tip, s.items, g.reason)
		  FROM unnest(p_batches, p_hashes, p_fees, p_tips, p_reasons) WITH ORDINALITY g(batch, hash, fee, tip, reason, i)
		  JOIN (SELECT o.batch, array_agg(o.item)::text AS items
		          FROM (SELECT x.item, x.batch FROM unnest(p_items, p_item_batch) x(item, batch) ORDER BY x.batch, x.item) o
		         GROUP BY o.batch) s ON s.batch = g.batch
		 ORDER BY g.i));
	INSERT INTO fairlead.slot (chain, signer, nonce, batch)
	SELECT p_chain, p_signer, p_first + g.i - 1, g.batch FROM unnest(p_batches) WITH ORDINALITY g(batch, i);
	UPDATE fairlead.batch SET state = 'bound', reason = NULL WHERE id = ANY (p_batches);
	INSERT INTO fairlead.attempt (chain, signer, nonce, n, hash, raw, fee, tip, kind, at, reason, seq, link)
	SELECT p_chain, p_signer, p_first + g.i - 1, 1, g.hash, g.raw, g.fee, g.tip, 'send', v_now, p_reasons[g.i], v_seq + g.i, g.link
	  FROM unnest(p_hashes, p_raws, p_fees, p_tips, v_links) WITH ORDINALITY g(hash, raw, fee, tip, link, i);
	INSERT INTO fairlead.attempt_item (hash, item)
	SELECT b.hash, g.item
	  FROM unnest(p_items, p_item_batch) g(item, batch)
	  JOIN unnest(p_batches, p_hashes) b(batch, hash) ON b.batch = g.batch;
	UPDATE fairlead.lane SET at = at + v_k, made = made + v_k, links = v_seq + v_k, link = v_links[v_k] WHERE name = p_lane;
	RETURN v_k;
END $$;

-- A freeze, which nobody has to read before: it holds for the first commit behind it.
CREATE FUNCTION fairlead.may_sign(p_signer text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE f fairlead.freeze;
BEGIN
	SELECT * INTO f FROM fairlead.freeze WHERE signer = p_signer;
	IF FOUND THEN
		RAISE EXCEPTION '%', fairlead.reason('policy_frozen', 'signer', p_signer, 'who', f.who,
			'since', floor(extract(epoch FROM f.since) * 1000)::text) USING ERRCODE = 'FL007';
	END IF;
END $$;

-- As before (019), and as above. p_costs: by how much each raises what its slot may cost. A cancel ends a slot and does nothing else: neither
-- a freeze nor a window that is used up refuses it (else a slot could be left without an end, S3); what it costs is counted.
DROP FUNCTION fairlead.attempt_add(text, bigint, smallint, bytea, bigint[], text[], bytea[], bytea[], numeric[], numeric[], bigint[], bigint[],
	text[]);
CREATE FUNCTION fairlead.attempt_add(p_lane text, p_epoch bigint, p_chain smallint, p_signer bytea, p_nonces bigint[], p_kinds text[],
	p_hashes bytea[], p_raws bytea[], p_fees numeric[], p_tips numeric[], p_items bigint[], p_item_nonce bigint[],
	p_reasons text[] DEFAULT NULL, p_name text DEFAULT NULL, p_costs numeric[] DEFAULT NULL, p_spend numeric DEFAULT NULL,
	p_spend_ms bigint DEFAULT NULL) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
	v_bad    bigint;
	v_k      int := cardinality(p_nonces);
	v_seq    bigint;
	v_link   bytea;
	v_links  bytea[];
	v_n      smallint[];
	v_name   text;
	v_signer text := encode(p_signer, 'hex');
	v_now    timestamptz;
	v_us     bigint;
	v_acts   bool := EXISTS (SELECT FROM unnest(p_kinds) k WHERE k <> 'cancel');
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	PERFORM fairlead.lane_is_of(p_lane, p_signer);
	v_now := clock_timestamp();
	v_us := fairlead.unix_us(v_now);
	SELECT coalesce(p_name, l.signer), l.links, l.link INTO v_name, v_seq, v_link FROM fairlead.lane l WHERE l.name = p_lane;
	IF v_acts THEN
		PERFORM fairlead.may_sign(v_name);
	END IF;
	IF p_spend IS NOT NULL THEN
		PERFORM fairlead.use(v_name, 'spend', (SELECT sum(c) FROM unnest(p_costs) c), p_spend, p_spend_ms, v_acts);
	END IF;
	SELECT g.nonce INTO v_bad
	  FROM unnest(p_nonces) g(nonce)
	  LEFT JOIN fairlead.slot s ON (s.chain, s.signer, s.nonce) = (p_chain, p_signer, g.nonce) AND s.closed IS NULL
	 WHERE s.nonce IS NULL LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'slot %/% is closed or unknown', p_chain, v_bad USING ERRCODE = 'FL004';
	END IF;

	-- A bump repeats the set of an earlier attempt; everything else is made of what the batch holds and has a cause.
	SELECT g.nonce INTO v_bad
	  FROM unnest(p_nonces, p_kinds) g(nonce, kind)
	  JOIN fairlead.slot s ON (s.chain, s.signer, s.nonce) = (p_chain, p_signer, g.nonce)
	  CROSS JOIN LATERAL (SELECT coalesce(array_agg(x.item ORDER BY x.item), '{}') AS items
	                        FROM unnest(p_items, p_item_nonce) x(item, nonce) WHERE x.nonce = g.nonce) w
	 WHERE CASE
	       WHEN g.kind = 'cancel' THEN cardinality(w.items) > 0
	       WHEN g.kind = 'bump' AND EXISTS (
	            SELECT FROM fairlead.attempt a
	             WHERE (a.chain, a.signer, a.nonce) = (p_chain, p_signer, g.nonce)
	               AND w.items = ARRAY(SELECT item FROM fairlead.attempt_item x WHERE x.hash = a.hash ORDER BY item)) THEN false
	       ELSE cardinality(w.items) = 0
	            OR EXISTS (SELECT FROM unnest(w.items) u(id)
	                        WHERE NOT EXISTS (SELECT FROM fairlead.item i
	                                           WHERE i.id = u.id AND i.batch = s.batch AND i.state = 'batched' AND i.cause IS NOT NULL))
	       END LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'the items of slot %/% changed', p_chain, v_bad USING ERRCODE = 'FL005';
	END IF;

	v_n := ARRAY(SELECT (SELECT coalesce(max(a.n), 0) + 1 FROM fairlead.attempt a
	                      WHERE (a.chain, a.signer, a.nonce) = (p_chain, p_signer, g.nonce))
	               FROM unnest(p_nonces) WITH ORDINALITY g(nonce, i) ORDER BY g.i);
	v_links := fairlead.chain_links(v_link, ARRAY(
		SELECT concat_ws('|', 'attempt', p_chain, v_signer, g.kind, v_us, v_seq + g.i, g.nonce, g.n, encode(g.hash, 'hex'), g.fee, g.tip,
		                 ARRAY(SELECT x.item FROM unnest(p_items, p_item_nonce) x(item, nonce) WHERE x.nonce = g.nonce ORDER BY 1)::text,
		                 p_reasons[g.i])
		  FROM unnest(p_nonces, v_n, p_kinds, p_hashes, p_fees, p_tips) WITH ORDINALITY g(nonce, n, kind, hash, fee, tip, i)
		 ORDER BY g.i));
	INSERT INTO fairlead.attempt (chain, signer, nonce, n, hash, raw, fee, tip, kind, at, reason, seq, link)
	SELECT p_chain, p_signer, g.nonce, g.n, g.hash, g.raw, g.fee, g.tip, g.kind, v_now, p_reasons[g.i], v_seq + g.i, g.link
	  FROM unnest(p_nonces, v_n, p_kinds, p_hashes, p_raws, p_fees, p_tips, v_links)
	       WITH ORDINALITY g(nonce, n, kind, hash, raw, fee, tip, link, i);
	INSERT INTO fairlead.attempt_item (hash, item)
	SELECT s.hash, g.item
	  FROM unnest(p_items, p_item_nonce) g(item, nonce)
	  LEFT JOIN unnest(p_nonces, p_hashes) s(nonce, hash) ON s.nonce = g.nonce;
	UPDATE fairlead.lane SET links = v_seq + v_k, link = v_links[v_k] WHERE name = p_lane AND v_k > 0;
	RETURN v_k;
END $$;

-- One row behind the newest of an account's trail: p_before, its number, p_behind. Under the lane's fence.
CREATE FUNCTION fairlead.trail_add(p_lane text, p_before text, p_behind text, OUT seq bigint, OUT link bytea) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE fairlead.lane l
	   SET links = l.links + 1, link = sha256(l.link || convert_to(concat_ws('|', p_before, l.links + 1, p_behind), 'UTF8'))
	 WHERE l.name = p_lane RETURNING l.links, l.link INTO trail_add.seq, trail_add.link;
END $$;

-- What was refused, into the trail. A batch that waits says why.
CREATE FUNCTION fairlead.refuse(p_lane text, p_epoch bigint, p_chain smallint, p_signer bytea, p_batch bigint, p_nonce bigint, p_kind text,
	p_reason text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	v_now timestamptz;
	v     record;
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	PERFORM fairlead.lane_is_of(p_lane, p_signer);
	v_now := clock_timestamp();
	v := fairlead.trail_add(p_lane, concat_ws('|', 'refusal', p_chain, encode(p_signer, 'hex'), p_kind, fairlead.unix_us(v_now)),
		concat_ws('|', coalesce(p_batch::text, '-'), coalesce(p_nonce::text, '-'), p_reason));
	INSERT INTO fairlead.refusal (chain, signer, seq, batch, nonce, kind, at, reason, link)
	VALUES (p_chain, p_signer, v.seq, p_batch, p_nonce, p_kind, v_now, p_reason, v.link);
	UPDATE fairlead.batch SET reason = p_reason WHERE id = p_batch AND state = 'ready';
END $$;

-- As before (023), and as above: a transfer between keys of one pool. What it moves is not spent, what it costs is.
DROP FUNCTION fairlead.topup_commit(text, bigint, smallint, bytea, bigint, bytea, bytea, numeric, numeric, bytea, numeric, text);
CREATE FUNCTION fairlead.topup_commit(p_lane text, p_epoch bigint, p_chain smallint, p_signer bytea, p_nonce bigint, p_hash bytea,
	p_raw bytea, p_fee numeric, p_tip numeric, p_taker bytea, p_wei numeric, p_reason text, p_name text DEFAULT NULL,
	p_cost numeric DEFAULT NULL, p_spend numeric DEFAULT NULL, p_spend_ms bigint DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_at   bigint;
	v_name text;
	v_now  timestamptz;
	v      record;
BEGIN
	v_at := fairlead.hold(p_lane, p_epoch);
	PERFORM fairlead.lane_is_of(p_lane, p_signer);
	IF v_at <> p_nonce THEN
		RAISE EXCEPTION 'lane % stands at nonce %, not at %', p_lane, v_at, p_nonce USING ERRCODE = 'FL005';
	END IF;
	v_name := coalesce(p_name, (SELECT l.signer FROM fairlead.lane l WHERE l.name = p_lane));
	PERFORM fairlead.may_sign(v_name);
	PERFORM fairlead.use(v_name, 'spend', p_cost, p_spend, p_spend_ms, true);
	v_now := clock_timestamp();
	INSERT INTO fairlead.slot (chain, signer, nonce) VALUES (p_chain, p_signer, p_nonce);
	BEGIN
		INSERT INTO fairlead.topup (chain, giver, nonce, taker, wei) VALUES (p_chain, p_signer, p_nonce, p_taker, p_wei);
	EXCEPTION WHEN unique_violation THEN
		RAISE EXCEPTION 'key 0x% is being topped up', encode(p_taker, 'hex') USING ERRCODE = 'FL005';
	END;
	v := fairlead.trail_add(p_lane, concat_ws('|', 'attempt', p_chain, encode(p_signer, 'hex'), 'send', fairlead.unix_us(v_now)),
		concat_ws('|', p_nonce, 1, encode(p_hash, 'hex'), p_fee, p_tip, '{}', p_reason));
	INSERT INTO fairlead.attempt (chain, signer, nonce, n, hash, raw, fee, tip, kind, at, reason, seq, link)
	VALUES (p_chain, p_signer, p_nonce, 1, p_hash, p_raw, p_fee, p_tip, 'send', v_now, p_reason, v.seq, v.link);
	UPDATE fairlead.lane SET at = at + 1 WHERE name = p_lane;
END $$;

-- The fence of a lane that opens, and whose it is.
CREATE FUNCTION fairlead.hold_for(p_lane text, p_epoch bigint, p_name text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	UPDATE fairlead.lane SET signer = p_name WHERE name = p_lane AND epoch = p_epoch AND signer IS DISTINCT FROM p_name;
	RETURN fairlead.hold(p_lane, p_epoch);
END $$;

-- For people: what was refused, newest last.
CREATE VIEW fairlead.refusals AS
SELECT r.at, c.name AS chain, l.signer AS name, '0x' || encode(r.signer, 'hex') AS signer, r.seq, r.batch, r.nonce, r.kind, r.reason
  FROM fairlead.refusal r
  JOIN fairlead.chain c ON c.id = r.chain
  LEFT JOIN fairlead.lane l ON split_part(l.name, ':', 2) = c.network::text AND l.name LIKE 'send:%'
                           AND lower(right(l.name, 40)) = encode(r.signer, 'hex')
 ORDER BY r.at;

-- Rights. Again at each install, as grant_engine.
CREATE FUNCTION fairlead.grant_audit() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'submitter', 'reconciler', 'gateway'],
		'SELECT ON fairlead.refusal, fairlead.refusals, fairlead.freeze, fairlead.used, fairlead.act_head');
	PERFORM fairlead.grant_to(ARRAY['submitter'], 'INSERT ON fairlead.refusal');
	PERFORM fairlead.grant_to(ARRAY['submitter'], 'INSERT, UPDATE, DELETE ON fairlead.used');
	PERFORM fairlead.grant_to(ARRAY['submitter', 'reconciler'], 'EXECUTE ON FUNCTION fairlead.freeze(text, text), fairlead.thaw(text, text)');
	PERFORM fairlead.grant_to(ARRAY['submitter', 'reconciler'],
		'EXECUTE ON FUNCTION fairlead.act_add(text, text, text, text, bigint, bigint, bigint)');
END $$;
REVOKE ALL ON FUNCTION fairlead.freeze(text, text), fairlead.thaw(text, text),
	fairlead.act_add(text, text, text, text, bigint, bigint, bigint) FROM PUBLIC;
SELECT fairlead.grant_audit();
