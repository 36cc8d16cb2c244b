
--
-- Guards: what the tables must not hold is refused when it is written (src/guard.c).
-- The triggers' names sort before those of foreign keys, so that their errors come first.
--

CREATE FUNCTION abac_guard() RETURNS trigger
	AS 'MODULE_PATHNAME', 'abac_guard'
	LANGUAGE C;
COMMENT ON FUNCTION abac_guard() IS
	'trigger: refuses rows that contradict others, bad conditions, changes of system rows, deleting what is in use';

CREATE FUNCTION abac_guard_truncate() RETURNS trigger
	AS 'MODULE_PATHNAME', 'abac_guard_truncate'
	LANGUAGE C;
COMMENT ON FUNCTION abac_guard_truncate() IS
	'trigger: refuses to truncate a table that holds system rows, or parts of them';

CREATE FUNCTION abac_touch() RETURNS trigger
	AS 'MODULE_PATHNAME', 'abac_touch'
	LANGUAGE C;
COMMENT ON FUNCTION abac_touch() IS
	'trigger: updated_at, and the version of a policy, follow real changes of a row';

-- an event trigger's function runs as whoever drops the table
CREATE FUNCTION abac_forget_dropped() RETURNS event_trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM @extschema@.abac_relations AS registered
		USING pg_catalog.pg_event_trigger_dropped_objects() AS dropped
		WHERE dropped.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
			AND dropped.objsubid OPERATOR(pg_catalog.=) 0
			AND registered.relation OPERATOR(pg_catalog.=) dropped.objid;
END
$$;
COMMENT ON FUNCTION abac_forget_dropped() IS
	'event trigger: a dropped table is no longer registered';

REVOKE ALL ON FUNCTION abac_guard(), abac_guard_truncate(), abac_touch(), abac_forget_dropped() FROM PUBLIC;

CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_attribute_definitions
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_rules
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_rule_groups
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_rule_group_members
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_policies
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_policy_rule_groups
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_policy_assignments
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_user_attributes
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_scopes
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE OR DELETE ON abac_roles
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER DELETE ON abac_permissions
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_role_permissions
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_user_roles
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_user_permissions
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_conditions
	FOR EACH ROW EXECUTE FUNCTION abac_guard();
CREATE TRIGGER "ABAC_guard" AFTER INSERT OR UPDATE ON abac_policy_rules
	FOR EACH ROW EXECUTE FUNCTION abac_guard();

-- pg_restore --jobs fills an extension's tables in any order, whatever foreign
-- keys there are between them.  So the half of each that looks for the row
-- referenced is switched off: the guard does the same, except during a restore.
-- The other half (RESTRICT, CASCADE) stays.  (Where this is undone, by ENABLE
-- TRIGGER ALL say, such rows are checked twice.)
DO $$
DECLARE
	half record;
BEGIN
	FOR half IN
		SELECT t.tgrelid::pg_catalog.regclass AS relation, t.tgname
		FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_trigger t ON t.tgconstraint OPERATOR(pg_catalog.=) c.oid
		WHERE c.contype OPERATOR(pg_catalog.=) 'f' AND t.tgrelid OPERATOR(pg_catalog.=) c.conrelid
			AND c.conrelid OPERATOR(pg_catalog.=) ANY (ARRAY[
				'@extschema@.abac_rule_group_members', '@extschema@.abac_policy_rule_groups',
				'@extschema@.abac_policy_assignments', '@extschema@.abac_role_permissions',
				'@extschema@.abac_user_roles', '@extschema@.abac_user_permissions',
				'@extschema@.abac_conditions']::pg_catalog.regclass[])
	LOOP
		EXECUTE pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER %I', half.relation, half.tgname);
	END LOOP;
END
$$;

CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_attribute_definitions
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_rules
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_rule_groups
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_rule_group_members
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_policies
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_policy_rule_groups
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_policy_assignments
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();
CREATE TRIGGER "ABAC_guard_truncate" BEFORE TRUNCATE ON abac_roles
	FOR EACH STATEMENT EXECUTE FUNCTION abac_guard_truncate();

CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_attribute_definitions
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_rules
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_rule_groups
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_rule_group_members
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_policies
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_policy_rule_groups
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_policy_assignments
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_resource_types
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_relations
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_user_attributes
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_scopes
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_memberships
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_roles
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_permissions
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_role_permissions
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_user_roles
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_user_permissions
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_conditions
	FOR EACH ROW EXECUTE FUNCTION abac_touch();
CREATE TRIGGER "ABAC_touch" BEFORE UPDATE ON abac_policy_rules
	FOR EACH ROW EXECUTE FUNCTION abac_touch();

CREATE EVENT TRIGGER abac_forget_dropped ON sql_drop
	EXECUTE FUNCTION abac_forget_dropped();
COMMENT ON EVENT TRIGGER abac_forget_dropped IS
	'takes dropped tables out of abac_relations';
