-- What guards a chain's row is judged by what an update names. PostgreSQL reads a trigger's condition anew for each statement that it
-- may fire for, and the listener moves done, head and final with every block: for it the long condition is not read any more.
DROP TRIGGER chain_guard ON fairlead.chain;
CREATE TRIGGER chain_guard BEFORE UPDATE OF network, floor, floor_seq ON fairlead.chain FOR EACH ROW
	WHEN (NEW.floor < OLD.floor OR NEW.floor_seq < OLD.floor_seq
		OR (OLD.network IS NOT NULL AND NEW.network IS DISTINCT FROM OLD.network))
	EXECUTE FUNCTION fairlead.chain_guard();
CREATE TRIGGER chain_guard_final BEFORE UPDATE OF final ON fairlead.chain FOR EACH ROW
	WHEN (NEW.final < OLD.final)
	EXECUTE FUNCTION fairlead.chain_guard();
