-- What a person orders a batch to be: cancelled, or sent again. Orders are obeyed by who holds the batch's lane (S3: only it may sign);
-- what no nonce is bound to is done at once, here. Every act of this page is done once: again, it says what stands already.
--
-- The acts answer with a reason (common/base/sentence.h): what was done, what stands already, or with p_do = false what would be done.
-- NULL: there is no such thing.

ALTER TABLE fairlead.act DROP CONSTRAINT act_what_check;
ALTER TABLE fairlead.act ADD CONSTRAINT act_what_check
	CHECK (what IN ('retry', 'drop', 'flush', 'replay', 'cancel', 'resend', 'freeze', 'thaw'));
ALTER TABLE fairlead.act ADD COLUMN IF NOT EXISTS batch bigint;
CREATE INDEX act_batch ON fairlead.act (batch, id) WHERE batch IS NOT NULL;
CREATE INDEX turn_batch ON fairlead.turn (batch, id) WHERE batch IS NOT NULL; -- what a batch lost

CREATE TABLE fairlead.slot_order (
	id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind  text NOT NULL CHECK (kind IN ('cancel', 'resend')),
	batch bigint NOT NULL REFERENCES fairlead.batch,
	who   text NOT NULL,
	at    timestamptz NOT NULL DEFAULT clock_timestamp(),
	note  text,                                 -- why it waits, as who obeys says it: a reason
	ended timestamptz,                          -- NULL: it stands
	how   text                                  -- how it ended: a reason
);
CREATE UNIQUE INDEX slot_order_stands ON fairlead.slot_order (batch, kind) WHERE ended IS NULL;
CREATE INDEX slot_order_cancel ON fairlead.slot_order (batch) WHERE kind = 'cancel';

-- What was cancelled by a person is not sent again by itself, however its slot closed: it is parked until a person retries it.
CREATE FUNCTION fairlead.item_cancelled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_who text;
BEGIN
	SELECT o.who INTO v_who FROM fairlead.slot_order o WHERE o.batch = OLD.batch AND o.kind = 'cancel' LIMIT 1;
	IF FOUND THEN
		NEW.state := 'parked';
		NEW.reason := fairlead.reason('cancelled', 'who', v_who);
		NEW.not_before := NULL;
		NEW.marks := NEW.marks | 32;
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER item_cancelled BEFORE UPDATE OF state ON fairlead.item FOR EACH ROW
	WHEN (OLD.state = 'batched' AND NEW.state = 'waiting') EXECUTE FUNCTION fairlead.item_cancelled(); -- before item_turns tells it

-- An order ends with its slot: won, or too late.
CREATE FUNCTION fairlead.slot_orders_end() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM fairlead.slot_order WHERE ended IS NULL) THEN
		UPDATE fairlead.slot_order o
		   SET ended = clock_timestamp(),
		       how = fairlead.reason(CASE WHEN o.kind = 'resend' THEN 'resend_late'
		                                  WHEN n.closed = 'cancelled' THEN 'cancel_won'
		                                  WHEN n.closed = 'done' THEN 'cancel_lost' ELSE 'cancel_moot' END,
		                             'batch', o.batch::text, 'block', n.closed_block::text)
		  FROM fresh n WHERE o.batch = n.batch AND o.ended IS NULL AND n.closed IS NOT NULL;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER slot_orders_end AFTER UPDATE ON fairlead.slot REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION fairlead.slot_orders_end();

-- ── who obeys ──

-- The orders that stand for open slots of a lane.
CREATE FUNCTION fairlead.orders(p_chain smallint, p_signer bytea) RETURNS TABLE (nonce bigint, kind text, who text) STABLE LANGUAGE sql AS $$
	SELECT s.nonce, o.kind, o.who FROM fairlead.slot_order o JOIN fairlead.slot s ON s.batch = o.batch
	 WHERE o.ended IS NULL AND s.chain = p_chain AND s.signer = p_signer AND s.closed IS NULL
$$;
-- Why one waits, or (p_ended) that it is done.
CREATE FUNCTION fairlead.order_told(p_lane text, p_epoch bigint, p_batch bigint, p_kind text, p_reason text, p_ended bool) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	UPDATE fairlead.slot_order
	   SET note = CASE WHEN p_ended THEN note ELSE p_reason END, how = CASE WHEN p_ended THEN p_reason END,
	       ended = CASE WHEN p_ended THEN clock_timestamp() END
	 WHERE batch = p_batch AND kind = p_kind AND ended IS NULL;
END $$;

-- ── who orders ──

-- A batch as orders look at it. mined: by a receipt that stands; newest: the attempt that leaves.
CREATE FUNCTION fairlead.batch_stands(p_batch bigint, OUT state text, OUT reason text, OUT items int, OUT chain text, OUT signer text,
	OUT nonce bigint, OUT closed text, OUT closed_block bigint, OUT mined bigint, OUT ok bool, OUT mined_kind text, OUT n int, OUT kind text,
	OUT fee text, OUT idle text)
STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT b.state, b.reason, b.items, c.name, '0x' || encode(s.signer, 'hex'), s.nonce, s.closed, s.closed_block, v.block, v.ok, v.kind,
	       a.n, a.kind, a.fee::text,
	       CASE WHEN s.nonce IS NOT NULL AND NOT EXISTS (SELECT FROM fairlead.lane l
	            WHERE right(lower(l.name), 42) = '0x' || encode(s.signer, 'hex') AND l.name LIKE 'send:%' AND l.until > clock_timestamp())
	            THEN '1' END
	  FROM fairlead.batch b JOIN fairlead.chain c ON c.id = b.chain
	  LEFT JOIN fairlead.slot s ON s.batch = b.id
	  LEFT JOIN LATERAL (SELECT x.n, x.kind, x.fee FROM fairlead.attempt x
	                      WHERE (x.chain, x.signer, x.nonce) = (s.chain, s.signer, s.nonce) ORDER BY x.n DESC LIMIT 1) a ON true
	  LEFT JOIN LATERAL (SELECT t.block, t.ok, x.kind FROM fairlead.attempt x JOIN fairlead.standing t ON t.hash = x.hash
	                      WHERE (x.chain, x.signer, x.nonce) = (s.chain, s.signer, s.nonce) AND t.standing <> 'taken back'
	                      ORDER BY t.final DESC, t.at DESC LIMIT 1) v ON true
	 WHERE b.id = p_batch
$$;

CREATE FUNCTION fairlead.order_add(p_who text, p_kind text, p_batch bigint, p_text text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO fairlead.slot_order (kind, batch, who) VALUES (p_kind, p_batch, p_who);
	INSERT INTO fairlead.act (who, what, batch, of, text) VALUES (p_who, p_kind, p_batch, 'batch ' || p_batch, p_text);
	PERFORM pg_notify('fairlead_wish', p_kind || ':' || p_batch);
END $$;

-- "Do not send this." What no nonce is bound to is dropped at once, its items parked; what is sent and not mined gets an order.
CREATE FUNCTION fairlead.act_cancel(p_who text, p_batch bigint, p_do bool) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	b     record;
	o     fairlead.slot_order;
	v_n   bigint;
	v_end text;
BEGIN
	IF p_do THEN
		PERFORM FROM fairlead.batch WHERE id = p_batch FOR UPDATE; -- send_commit locks it too: it is one or the other
	END IF;
	SELECT * INTO b FROM fairlead.batch_stands(p_batch);
	IF b.state IS NULL THEN
		RETURN NULL;
	ELSIF b.state = 'ready' AND NOT p_do THEN
		RETURN fairlead.reason('would_cancel_unsent', 'batch', p_batch::text, 'items', b.items::text);
	ELSIF b.state = 'ready' THEN
		UPDATE fairlead.item i
		   SET state = CASE WHEN i.cause IS NULL THEN 'void' ELSE 'parked' END, batch = NULL, not_before = NULL,
		       reason = CASE WHEN i.cause IS NOT NULL THEN fairlead.reason('cancelled', 'who', p_who) END, marks = i.marks | 32
		 WHERE i.batch = p_batch AND i.state = 'batched';
		GET DIAGNOSTICS v_n = ROW_COUNT;
		UPDATE fairlead.batch SET state = 'dropped', items = items - v_n, reason = fairlead.reason('batch_cancelled_by', 'who', p_who)
		 WHERE id = p_batch;
		INSERT INTO fairlead.act (who, what, batch, of, text)
		VALUES (p_who, 'cancel', p_batch, 'batch ' || p_batch, 'It was not signed yet, so it is dropped.');
		RETURN fairlead.reason('cancelled_unsent', 'batch', p_batch::text, 'items', v_n::text);
	ELSIF b.state = 'dropped' THEN
		RETURN fairlead.reason(CASE WHEN b.reason LIKE 'batch_cancelled_by %' THEN 'cancel_was_unsent' ELSE 'order_dropped' END,
			'batch', p_batch::text, 'who', fairlead.reason_of(b.reason, 'who'));
	ELSIF b.state = 'done' OR b.closed IS NOT NULL THEN
		v_end := CASE b.closed WHEN 'done' THEN 'order_done' WHEN 'cancelled' THEN 'cancel_was' ELSE 'order_failed' END;
		RETURN fairlead.reason(v_end, 'batch', p_batch::text, 'block', b.closed_block::text);
	END IF;
	SELECT * INTO o FROM fairlead.slot_order x WHERE x.batch = p_batch AND x.kind = 'cancel' AND x.ended IS NULL;
	IF b.mined IS NOT NULL THEN
		RETURN fairlead.reason(CASE WHEN b.mined_kind = 'cancel' THEN 'cancel_mined' WHEN o.id IS NOT NULL THEN 'cancel_losing' ELSE 'cancel_late' END,
			'batch', p_batch::text, 'block', b.mined::text);
	ELSIF o.id IS NOT NULL THEN
		RETURN fairlead.reason(CASE WHEN b.kind = 'cancel' THEN 'cancel_signed' WHEN o.note IS NOT NULL THEN 'cancel_held' ELSE 'cancel_stands' END,
			'batch', p_batch::text, 'nonce', b.nonce::text, 'who', o.who, 'since', fairlead.unix_ms(o.at)::text, 'fee', b.fee, 'n', b.n::text,
			'want', fairlead.reason_of(o.note, 'want'), 'max', fairlead.reason_of(o.note, 'max'), 'idle', b.idle);
	ELSIF p_do THEN
		PERFORM fairlead.order_add(p_who, 'cancel', p_batch, 'Its nonce is to be used up by a transaction that does nothing.');
	END IF;
	RETURN fairlead.reason(CASE WHEN p_do THEN 'cancel_ordered' ELSE 'would_cancel_sent' END,
		'batch', p_batch::text, 'nonce', b.nonce::text, 'idle', b.idle);
END $$;

-- The stored bytes leave again now, and a higher price is considered at once.
CREATE FUNCTION fairlead.act_resend(p_who text, p_batch bigint, p_do bool) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE b record;
BEGIN
	IF p_do THEN
		PERFORM FROM fairlead.batch WHERE id = p_batch FOR UPDATE;
	END IF;
	SELECT * INTO b FROM fairlead.batch_stands(p_batch);
	IF b.state IS NULL THEN
		RETURN NULL;
	ELSIF b.state = 'ready' THEN
		RETURN fairlead.reason('resend_unsent', 'batch', p_batch::text);
	ELSIF b.state = 'dropped' THEN
		RETURN fairlead.reason('order_dropped', 'batch', p_batch::text);
	ELSIF b.closed IS NOT NULL THEN
		RETURN fairlead.reason(CASE b.closed WHEN 'done' THEN 'order_done' WHEN 'cancelled' THEN 'cancel_was' ELSE 'order_failed' END,
			'batch', p_batch::text, 'block', b.closed_block::text);
	ELSIF b.mined IS NOT NULL THEN
		RETURN fairlead.reason('resend_mined', 'batch', p_batch::text, 'block', b.mined::text);
	ELSIF EXISTS (SELECT FROM fairlead.slot_order o WHERE o.batch = p_batch AND o.kind = 'resend' AND o.ended IS NULL) THEN
		RETURN fairlead.reason('resend_stands', 'batch', p_batch::text, 'nonce', b.nonce::text, 'idle', b.idle);
	ELSIF p_do THEN
		PERFORM fairlead.order_add(p_who, 'resend', p_batch, 'Its signed bytes leave again now.');
	END IF;
	RETURN fairlead.reason(CASE WHEN p_do THEN 'resend_ordered' ELSE 'would_resend' END,
		'batch', p_batch::text, 'nonce', b.nonce::text, 'n', b.n::text, 'idle', b.idle);
END $$;

-- An item by its number, or as name:key of a batch of the file.
CREATE FUNCTION fairlead.item_named(p_of text) RETURNS bigint STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT i.id FROM fairlead.item i
	 WHERE CASE WHEN p_of ~ '^[0-9]{1,18}$' THEN i.id = p_of::bigint
	            ELSE i.batch_of = split_part(p_of, ':', 1) AND i.key = substr(p_of, strpos(p_of, ':') + 1) AND strpos(p_of, ':') > 0 END
$$;

-- What --explain is asked for: a batch by its number, a transaction by its hash or the beginning of it, an item as name:key (the batch
-- that it is in, or was in last). Two rows: what begins so is more than one.
CREATE FUNCTION fairlead.explained(p_of text) RETURNS TABLE (batch bigint, chain smallint, signer bytea, nonce bigint, item bigint)
STABLE LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	v_item  bigint;
	v_batch bigint;
BEGIN
	IF p_of LIKE '0x%' THEN
		RETURN QUERY SELECT DISTINCT s.batch, s.chain, s.signer, s.nonce, NULL::bigint
		  FROM fairlead.attempt a JOIN fairlead.slot s ON (s.chain, s.signer, s.nonce) = (a.chain, a.signer, a.nonce)
		 WHERE a.hash BETWEEN decode(rpad(substr(lower(p_of), 3), 64, '0'), 'hex') AND decode(rpad(substr(lower(p_of), 3), 64, 'f'), 'hex')
		 LIMIT 2;
		RETURN;
	ELSIF p_of ~ '^[0-9]{1,18}$' THEN
		v_batch := p_of::bigint;
	ELSE
		v_item := fairlead.item_named(p_of);
		SELECT coalesce(i.batch, (SELECT t.batch FROM fairlead.turn t WHERE t.item = i.id AND t.batch IS NOT NULL ORDER BY t.id DESC LIMIT 1))
		  INTO v_batch FROM fairlead.item i WHERE i.id = v_item;
	END IF;
	RETURN QUERY SELECT b.id, s.chain, s.signer, s.nonce, v_item
	  FROM fairlead.batch b LEFT JOIN fairlead.slot s ON s.batch = b.id WHERE b.id = v_batch;
	IF NOT FOUND AND v_item IS NOT NULL THEN
		RETURN QUERY SELECT NULL::bigint, NULL::smallint, NULL::bytea, NULL::bigint, v_item;
	END IF;
END $$;

-- One item by hand: act_retry and act_drop (019), and in words what stands where they do nothing.
CREATE FUNCTION fairlead.act_item(p_who text, p_what text, p_of text, p_do bool) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	i      fairlead.item;
	v_code text;
BEGIN
	SELECT * INTO i FROM fairlead.item x WHERE x.id = fairlead.item_named(p_of);
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	IF p_do THEN
		SELECT * INTO i FROM fairlead.item x WHERE x.id = i.id FOR UPDATE;
	END IF;
	v_code := CASE WHEN i.state = 'batched' THEN p_what || '_on_way'
	               WHEN i.state IN ('done', 'already') THEN 'item_done'
	               WHEN i.state = 'void' OR (p_what = 'retry' AND i.cause IS NULL) THEN 'item_void'
	               WHEN p_what = 'retry' AND i.state = 'waiting' THEN 'retry_waits'
	               WHEN p_what = 'drop' AND i.state = 'dead' AND i.reason LIKE 'dropped %' THEN 'drop_was'
	               WHEN NOT p_do THEN 'would_' || p_what
	               WHEN p_what = 'retry' THEN 'retried' ELSE 'dropped_now' END;
	IF v_code = 'retried' THEN
		PERFORM fairlead.act_retry(p_who, p_of, ARRAY[i.id]);
	ELSIF v_code = 'dropped_now' THEN
		PERFORM fairlead.act_drop(p_who, p_of, ARRAY[i.id], '{}');
	END IF;
	RETURN fairlead.reason(v_code, 'item', i.id::text, 'name', i.batch_of, 'key', i.key, 'batch', i.batch::text,
		'who', CASE WHEN v_code = 'drop_was' THEN fairlead.reason_of(i.reason, 'who') END);
END $$;

-- A signer by its name in the file, or by an address that a lane of it has.
CREATE FUNCTION fairlead.signer_named(p_of text) RETURNS text STABLE LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF p_of ~* '^0x[0-9a-f]{40}$' THEN
		RETURN (SELECT l.signer FROM fairlead.lane l
		         WHERE l.name LIKE 'send:%' AND right(lower(l.name), 42) = lower(p_of) AND l.signer IS NOT NULL LIMIT 1);
	END IF;
	RETURN coalesce((SELECT d.pool FROM fairlead.batch_decl d WHERE d.pool = p_of LIMIT 1),
	                (SELECT l.signer FROM fairlead.lane l WHERE l.signer = p_of LIMIT 1));
END $$;

-- Nothing new is signed in its name (025), or is again.
CREATE FUNCTION fairlead.act_freeze(p_who text, p_what text, p_of text, p_do bool) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	v_signer text := fairlead.signer_named(p_of);
	f        record;
	v_code   text;
BEGIN
	IF v_signer IS NULL THEN
		RETURN NULL;
	END IF;
	IF p_do THEN
		PERFORM pg_advisory_xact_lock(hashtextextended('fairlead.freeze ' || v_signer, 0)); -- the second of two finds what the first did
	END IF;
	SELECT * INTO f FROM fairlead.freeze WHERE signer = v_signer;
	v_code := CASE WHEN p_what = 'freeze' AND f.signer IS NOT NULL THEN 'freeze_stands'
	               WHEN p_what = 'thaw' AND f.signer IS NULL THEN 'thaw_stands'
	               WHEN NOT p_do THEN 'would_' || p_what
	               WHEN p_what = 'freeze' THEN 'frozen' ELSE 'thawed' END;
	IF v_code = 'frozen' THEN
		PERFORM fairlead.freeze(p_who, v_signer);
	ELSIF v_code = 'thawed' THEN
		PERFORM fairlead.thaw(p_who, v_signer);
	END IF;
	RETURN fairlead.reason(v_code, 'signer', v_signer, 'who', f.who, 'since', fairlead.unix_ms(f.since)::text,
		'unmined', (SELECT nullif(count(*), 0)::text FROM fairlead.slot s JOIN fairlead.batch b ON b.id = s.batch AND b.pool = v_signer
		             WHERE s.closed IS NULL AND b.mined IS NULL));
END $$;

-- A rule is applied again to the events that stand, from a block on: p_of is its name, or name:block. Who calls knows that the file has it.
CREATE FUNCTION fairlead.act_replay(p_who text, p_of text, p_do bool) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	v_rule text := split_part(p_of, ':', 1);
	v_from text := nullif(split_part(p_of, ':', 2), '');
	v_code text := CASE WHEN p_do THEN 'replay_ordered' ELSE 'would_replay' END;
	w      fairlead.wish;
BEGIN
	SELECT * INTO w FROM fairlead.wish x WHERE x.kind = 'replay' AND x.subject = v_rule;
	IF w.id IS NOT NULL AND coalesce(w.from_block, 0) <= coalesce(v_from, '0')::bigint THEN
		v_code := 'replay_stands';
		v_from := nullif(w.from_block, 0)::text;
	ELSIF p_do THEN
		PERFORM fairlead.wish_for('replay', v_rule, coalesce(v_from, '0')::bigint);
		INSERT INTO fairlead.act (who, what, of, text)
		VALUES (p_who, 'replay', v_rule, 'It is applied again to its events from ' || coalesce('block ' || v_from, 'the first') || ' on.');
	END IF;
	RETURN fairlead.reason(v_code, 'rule', v_rule, 'block', v_from);
END $$;

-- Rights. Again at each install, as grant_engine.
CREATE FUNCTION fairlead.grant_orders() RETURNS void LANGUAGE plpgsql AS $$
DECLARE f text;
BEGIN
	PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'submitter', 'reconciler', 'gateway'], 'SELECT ON fairlead.slot_order');
	PERFORM fairlead.grant_to(ARRAY['submitter'], 'UPDATE (note, ended, how) ON fairlead.slot_order');
	FOREACH f IN ARRAY ARRAY['act_cancel(text, bigint, bool)', 'act_resend(text, bigint, bool)', 'act_item(text, text, text, bool)',
		'act_freeze(text, text, text, bool)', 'act_replay(text, text, bool)'] LOOP
		EXECUTE format('REVOKE EXECUTE ON FUNCTION fairlead.%s FROM PUBLIC', f);
		PERFORM fairlead.grant_to(ARRAY['submitter', 'reconciler'], format('EXECUTE ON FUNCTION fairlead.%s', f));
	END LOOP;
END $$;
SELECT fairlead.grant_orders();
