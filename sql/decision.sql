-- The decision, step by step (DESIGN §5): every reason, allowed and denied.
SET abac.attribute_validation = off;
BEGIN;

-- The decision, its reason and what decided; abac_check must say the same.
CREATE FUNCTION decide(user_id text, action text, resource text, ctx jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	explained jsonb := abac_explain(user_id, action, resource, ctx);
BEGIN
	IF abac_check(user_id, action, resource, ctx) IS DISTINCT FROM (explained -> 'decision')::boolean THEN
		RAISE 'check and explanation disagree: %', explained;
	END IF;
	RETURN concat(CASE WHEN (explained -> 'decision')::boolean THEN 'allow' ELSE 'deny' END, ' ', explained ->> 'reason', ' ' || (explained #>> '{decided_by,name}'));
END
$$;
-- Somewhere in the tree of scopes: in_scope('w1') asks in workspace w1.
CREATE FUNCTION in_scope(VARIADIC ids text[]) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('scope', coalesce(jsonb_object_agg(CASE left(id, 1) WHEN 'o' THEN 'organization' WHEN 'p' THEN 'project' ELSE 'workspace' END, id), '{}'))
	FROM unnest(ids) AS id
$$;
-- Things by name; "org" NULL = platform-wide.
CREATE FUNCTION rule(name text, conditions jsonb DEFAULT NULL, effect text DEFAULT 'allow', org text DEFAULT NULL,
	type text DEFAULT NULL, actions text[] DEFAULT NULL, active boolean DEFAULT true, starts timestamptz DEFAULT NULL,
	expires timestamptz DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	INSERT INTO abac_rules (name, conditions, effect, organization_id, resource_type, target_actions, is_active, starts_at, expires_at)
	VALUES (name, conditions, effect, org, type, actions, active, starts, expires)
$$;
-- Members are rules, and groups with an @ before their name.
CREATE FUNCTION grp(name text, logic text, members text[], org text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	INSERT INTO abac_rule_groups (name, combine_logic, organization_id) VALUES (name, logic, org);
	INSERT INTO abac_rule_group_members (group_id, rule_id, child_group_id)
	SELECT g.id, r.id, c.id FROM abac_rule_groups AS g CROSS JOIN unnest(members) AS m LEFT JOIN abac_rules AS r ON r.name = m
		LEFT JOIN abac_rule_groups AS c ON '@' || c.name = m
	WHERE g.name = grp.name
$$;
CREATE FUNCTION policy(name text, groups text[], effect text DEFAULT 'allow', default_effect text DEFAULT NULL, priority int DEFAULT 0,
	org text DEFAULT NULL) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO abac_policies (name, effect, default_effect, priority, organization_id) VALUES (name, effect, default_effect, priority, org);
	INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT p.id, g.id FROM abac_policies AS p, abac_rule_groups AS g WHERE p.name = policy.name AND g.name = ANY (groups)
$$;
CREATE FUNCTION assign(policy text, type text, id text, active boolean DEFAULT true, starts timestamptz DEFAULT NULL,
	expires timestamptz DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	INSERT INTO abac_policy_assignments (policy_id, target_type, target_id, is_active, starts_at, expires_at) SELECT p.id, type, assign.id, active, starts, expires
	FROM abac_policies AS p WHERE p.name = policy
$$;
CREATE FUNCTION role(name text, scope text, org text DEFAULT NULL, permissions text[] DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
	INSERT INTO abac_roles (name, scope, organization_id) VALUES (name, scope, org);
	INSERT INTO abac_role_permissions (role_id, permission_id) SELECT r.id, p.id FROM abac_roles AS r, abac_permissions AS p WHERE r.name = role.name AND p.name = ANY (permissions)
$$;
CREATE FUNCTION hold(user_id text, role text, context text DEFAULT NULL, starts timestamptz DEFAULT NULL,
	expires timestamptz DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	INSERT INTO abac_user_roles (user_id, role_id, context_type, context_id, starts_at, expires_at) SELECT user_id, r.id, r.scope, context, starts, expires FROM abac_roles AS r WHERE r.name = role
$$;
CREATE FUNCTION grant_to(user_id text, permission text, granted boolean, context text DEFAULT NULL, starts timestamptz DEFAULT NULL,
	expires timestamptz DEFAULT NULL) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO abac_user_permissions (user_id, permission_id, granted, context_type, context_id, starts_at, expires_at)
	SELECT user_id, p.id, granted, CASE left(context, 1) WHEN 'o' THEN 'organization' WHEN 'p' THEN 'project' WHEN 'w' THEN 'workspace' ELSE 'global' END, context, starts, expires
	FROM abac_permissions AS p WHERE p.name = permission
$$;

-- Two organizations: o1 has project p1 (workspace w1) and p2, and workspace w0 outside of any project; o2 has p3.
INSERT INTO abac_scopes (scope_type, scope_id, parent_type, parent_id) VALUES ('project', 'p1', 'organization', 'o1'),
	('project', 'p2', 'organization', 'o1'), ('project', 'p3', 'organization', 'o2'),
	('workspace', 'w1', 'project', 'p1'), ('workspace', 'w0', 'organization', 'o1'), ('team', 't1', 'organization', 'o1'),
	('team', 't2', 'organization', 'o2'), ('team', 't0', NULL, NULL);
INSERT INTO abac_permissions (resource_type, action) VALUES ('doc', 'read'), ('doc', 'write'), ('doc', '*'), ('*', 'read'), ('*', '*');
-- a truth that ctx sets: user.x is missing = unknown
SELECT rule('x', '{"attribute": "user.x", "operator": "eq", "value": true}') \g /dev/null
SELECT rule('yes'), rule('no', 'false'), rule('unknown', '{"attribute": "user.nothing", "operator": "eq", "value": 1}') \g /dev/null
SELECT grp('g_x', 'and', '{x}'), grp('g_yes', 'and', '{yes}'), grp('g_no', 'and', '{no}'), grp('g_unknown', 'and', '{unknown}') \g /dev/null
SAVEPOINT world;

-- 7. nobody said anything
SELECT decide('ann', 'read', 'doc:1'), decide('ann', 'read', 'doc:1', in_scope('o1'));

--
-- 1. Invalid requests, the scope, the super admin
--
SELECT abac_grant_super_admin('root') \g /dev/null
SELECT decide('root', 'read', 'doc:1'), decide('root', 'anything', 'at:all', in_scope('w1')), decide('ann', 'read', 'doc:1');
-- nothing takes that away but an invalid request and a wrong scope
SELECT grant_to('root', '*:*', false) \g /dev/null
SELECT policy('closed', '{g_yes}', 'deny', priority => 100), assign('closed', 'user', 'root') \g /dev/null
SELECT decide('root', 'read', 'doc:1'), decide('root', 'read', 'doc:1', in_scope('p9')),
	decide('root', 'read', 'doc:1', '{"scope": {"project": null}}'), decide('root', 'read', '');
-- its window
UPDATE abac_user_roles SET expires_at = '2001-01-01';
SELECT decide('root', 'read', 'doc:1');
UPDATE abac_user_roles SET starts_at = '2100-01-01', expires_at = NULL;
SELECT decide('root', 'read', 'doc:1');
-- granted again
SELECT abac_grant_super_admin('root') \g /dev/null
SELECT decide('root', 'read', 'doc:1'), count(*) FROM abac_user_roles;
ROLLBACK TO world;

-- the scope chain
SELECT chain, abac_explain('ann', 'read', 'doc:1', chain) ->> 'reason' AS reason,
	abac_explain('ann', 'read', 'doc:1', chain) ->> 'why' AS why, abac_explain('ann', 'read', 'doc:1', chain) -> 'scope' AS scope
FROM unnest(ARRAY['{}', in_scope('o1'), in_scope('o9'), in_scope('p1'), in_scope('p1', 'o1'), in_scope('p1', 'o2'), in_scope('p9'),
	in_scope('p9', 'o1'), in_scope('w1'), in_scope('w1', 'p1'), in_scope('w1', 'p2'),
	in_scope('w1', 'o1'), in_scope('w1', 'o2'), in_scope('w1', 'p1', 'o1'), in_scope('w1', 'p3', 'o1'), in_scope('w0'),
	in_scope('w0', 'o1'), in_scope('w0', 'o2'), in_scope('w0', 'p1'), in_scope('w9')]) AS chain;
-- a type that requires a scope
INSERT INTO abac_resource_types (resource_type, required_scope) VALUES ('doc', 'project'), ('note', NULL), ('org_doc', 'organization'),
	('ws_doc', 'workspace');
SELECT abac_grant_super_admin('root') \g /dev/null
SELECT type, chain -> 'scope' AS scope, decide('root', 'read', type, chain) FROM unnest('{doc,note,org_doc,ws_doc,other}'::text[]) AS type,
	unnest(ARRAY['{}', in_scope('o1'), in_scope('p1'), in_scope('w1'), in_scope('w0')]) AS chain
ORDER BY type COLLATE "C", chain::text COLLATE "C";
ROLLBACK TO world;

--
-- 2, 3. Direct permissions
--
SELECT grant_to('global', 'doc:read', true), grant_to('org', 'doc:read', true, 'o1'), grant_to('project', 'doc:read', true, 'p1'),
	grant_to('workspace', 'doc:read', true, 'w1'),
	grant_to('no_global', 'doc:read', false), grant_to('no_org', 'doc:read', false, 'o1'), grant_to('no_project', 'doc:read', false, 'p1'),
	grant_to('no_workspace', 'doc:read', false, 'w1') \g /dev/null
SELECT u, decide(u, 'read', 'doc:1') AS nowhere, decide(u, 'read', 'doc:1', in_scope('o1')) AS o1,
	decide(u, 'read', 'doc:1', in_scope('o2')) AS o2, decide(u, 'read', 'doc:1', in_scope('p1')) AS p1,
	decide(u, 'read', 'doc:1', in_scope('p2')) AS p2, decide(u, 'read', 'doc:1', in_scope('w1')) AS w1,
	decide(u, 'read', 'doc:1', in_scope('w0')) AS w0
FROM unnest('{global,org,project,workspace,no_global,no_org,no_project,no_workspace}'::text[]) AS u;
-- only that action on that type
SELECT decide('global', 'write', 'doc:1'), decide('global', 'read', 'note:1'), decide('global', 'Read', 'doc'),
	decide('global', 'read', 'doc'), decide('global', 'read', 'doc:');
-- a denial anywhere in the chain goes before a grant
SELECT grant_to('no_workspace', 'doc:read', true), grant_to('no_workspace', 'doc:read', true, 'o1') \g /dev/null
SELECT decide('no_workspace', 'read', 'doc:1', in_scope('w1')), decide('no_workspace', 'read', 'doc:1', in_scope('p1'));
ROLLBACK TO world;
-- wildcards; a denial of one goes before a grant of all, and the other way round
SELECT grant_to('doc_all', 'doc:*', true), grant_to('all_read', '*:read', true), grant_to('all', '*:*', true),
	grant_to('all', 'doc:write', false), grant_to('none', '*:*', false), grant_to('none', 'doc:read', true) \g /dev/null
SELECT u, decide(u, 'read', 'doc:1') AS "read doc", decide(u, 'write', 'doc:1') AS "write doc", decide(u, 'read', 'note:1') AS "read note",
	decide(u, 'write', 'note:1') AS "write note",
	decide(u, '*', 'doc:1') AS "* doc", decide(u, 'read', '*') AS "read *"
FROM unnest('{doc_all,all_read,all,none}'::text[]) AS u;
-- windows
SELECT grant_to('past', 'doc:read', true, NULL, NULL, '2001-01-01'), grant_to('future', 'doc:read', true, NULL, '2100-01-01'),
	grant_to('present', 'doc:read', true, NULL, '2001-01-01', '2100-01-01'),
	grant_to('no_more', 'doc:read', false, NULL, NULL, '2001-01-01'), grant_to('no_yet', 'doc:read', false, NULL, '2100-01-01'),
	grant_to('no_now', 'doc:read', false, NULL, '2001-01-01', '2100-01-01'),
	grant_to('until_now', 'doc:read', true, NULL, NULL, now()), grant_to('from_now', 'doc:read', true, NULL, now()) \g /dev/null
SELECT u, decide(u, 'read', 'doc:1') FROM unnest('{past,future,present,no_more,no_yet,no_now,until_now,from_now}'::text[]) AS u;
-- both ends are inside.  "Now" is one moment all through a statement
CREATE FUNCTION at_the_end(starts interval, expires interval) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	moment timestamptz := greatest(transaction_timestamp(), statement_timestamp());
BEGIN
	DELETE FROM abac_user_permissions;
	PERFORM grant_to('ann', 'doc:read', true, NULL, moment + starts, moment + expires);
	RETURN decide('ann', 'read', 'doc:1');
END
$$;
SELECT starts, expires, at_the_end(starts::interval, expires::interval) FROM (VALUES ('0', NULL), ('1 us', NULL), (NULL, '0'),
	(NULL, '-1 us'), ('-1 us', '0'), ('0', '1 us'))
	AS v (starts, expires);
ROLLBACK TO world;

-- between a global grant and one in the scope: the platform's policies
SELECT grant_to('global', 'doc:read', true), grant_to('scoped', 'doc:read', true, 'o1') \g /dev/null
SELECT rule('x_tenant', '{"attribute": "user.x", "operator": "eq", "value": true}', org => 'o1'),
	grp('g_tenant', 'and', '{x_tenant}', 'o1') \g /dev/null
SELECT policy('platform', '{g_x}', 'deny'), policy('tenant', '{g_tenant}', 'deny', priority => 100, org => 'o1') \g /dev/null
SAVEPOINT grants;
SELECT assign('platform', 'user', 'global'), assign('platform', 'user', 'scoped'), assign('platform', 'user', 'other'),
	assign('tenant', 'user', 'global'), assign('tenant', 'user', 'scoped'), assign('tenant', 'user', 'other') \g /dev/null
SELECT u, decide(u, 'read', 'doc:1', in_scope('o1') || '{"user": {"x": true}}') AS "they deny",
	decide(u, 'read', 'doc:1', in_scope('o1') || '{"user": {"x": false}}') AS "they don't"
FROM unnest('{global,scoped,other}'::text[]) AS u;
-- the tenant's alone
DELETE FROM abac_policy_assignments WHERE policy_id = (SELECT id FROM abac_policies WHERE name = 'platform');
SELECT u, decide(u, 'read', 'doc:1',
	in_scope('o1') || '{"user": {"x": true}}') AS "it denies" FROM unnest('{global,scoped,other}'::text[]) AS u;
ROLLBACK TO grants;
-- a platform-wide default denies too; an allow of higher priority goes before it
SELECT policy('cautious', '{g_no}', 'allow', 'deny'), assign('cautious', 'user', 'scoped') \g /dev/null
SELECT decide('scoped', 'read', 'doc:1', in_scope('o1'));
SELECT policy('generous', '{g_x}', priority => 1), assign('generous', 'user', 'scoped') \g /dev/null
SELECT decide('scoped', 'read', 'doc:1', in_scope('o1') || '{"user": {"x": true}}') AS "generous is true",
	decide('scoped', 'read', 'doc:1', in_scope('o1')) AS "generous is unknown";
-- one that binds whoever acts in the scope, a member or not
SELECT policy('bound', '{g_yes}', 'deny', priority => 2), assign('bound', 'organization', 'o1') \g /dev/null
SELECT decide('scoped', 'read', 'doc:1', in_scope('o1')), decide('global', 'read', 'doc:1', in_scope('o1')),
	decide('other', 'read', 'doc:1', in_scope('o1')), decide('other', 'read', 'doc:1', in_scope('o2'));
ROLLBACK TO world;

--
-- 4. Whom and where a policy applies to
--
-- the user, and nobody else
SELECT policy('p', '{g_yes}'), assign('p', 'user', 'ann') \g /dev/null
SELECT decide('ann', 'read', 'doc:1'), decide('ann', 'read', 'doc:1', in_scope('o1')), decide('Ann', 'read', 'doc:1'),
	decide('ann ', 'read', 'doc:1'), decide('bob', 'read', 'doc:1');
-- active, in its window
UPDATE abac_policy_assignments SET is_active = false;
SELECT decide('ann', 'read', 'doc:1') AS "assignment inactive";
UPDATE abac_policy_assignments SET is_active = true, expires_at = '2001-01-01';
SELECT decide('ann', 'read', 'doc:1') AS "assignment over";
UPDATE abac_policy_assignments SET starts_at = '2100-01-01', expires_at = NULL;
SELECT decide('ann', 'read', 'doc:1') AS "assignment to come";
UPDATE abac_policy_assignments SET starts_at = '2001-01-01', expires_at = '2100-01-01';
SELECT decide('ann', 'read', 'doc:1') AS "assignment open";
UPDATE abac_policies SET is_active = false;
SELECT decide('ann', 'read', 'doc:1') AS "policy inactive";
ROLLBACK TO world;
-- a role they hold, where they hold it
SELECT role('global', 'global'), role('org', 'organization'), role('project', 'project'), role('workspace', 'workspace'),
	role('tenant', 'organization', 'o1') \g /dev/null
SELECT hold('ann', 'global'), hold('bob', 'org', 'o1'), hold('cat', 'project', 'p1'), hold('dan', 'workspace', 'w1'),
	hold('eve', 'tenant', 'o1'), hold('fay', 'org', 'o1', NULL, '2001-01-01'), hold('gus', 'org', 'o1', '2100-01-01') \g /dev/null
SELECT policy('p', '{g_yes}') \g /dev/null
SELECT assign('p', 'role', id::text) FROM abac_roles \g /dev/null
SELECT u, decide(u, 'read', 'doc:1') AS nowhere, decide(u, 'read', 'doc:1', in_scope('o1')) AS o1,
	decide(u, 'read', 'doc:1', in_scope('o2')) AS o2, decide(u, 'read', 'doc:1', in_scope('p1')) AS p1,
	decide(u, 'read', 'doc:1', in_scope('p2')) AS p2, decide(u, 'read', 'doc:1', in_scope('w1')) AS w1
FROM unnest('{ann,bob,cat,dan,eve,fay,gus}'::text[]) AS u;
ROLLBACK TO world;
-- a registered team, of the scope's organization or of none
INSERT INTO abac_memberships (scope_type, scope_id, user_id, expires_at) VALUES ('team', 't1', 'ann', NULL), ('team', 't2', 'bob', NULL),
	('team', 't0', 'cat', NULL), ('team', 't9', 'dan', NULL), ('team', 't1', 'eve', '2001-01-01');
SELECT policy('p', '{g_yes}') \g /dev/null
SELECT assign('p', 'team', t) FROM unnest('{t0,t1,t2,t9}'::text[]) AS t \g /dev/null
SELECT u, decide(u, 'read', 'doc:1') AS nowhere, decide(u, 'read', 'doc:1', in_scope('o1')) AS o1,
	decide(u, 'read', 'doc:1', in_scope('w1')) AS w1, decide(u, 'read', 'doc:1', in_scope('o2')) AS o2
FROM unnest('{ann,bob,cat,dan,eve}'::text[]) AS u;
ROLLBACK TO world;
-- a scope: its allow is for members, its deny for everyone there
SELECT role('lead', 'project'), hold('lead_p1', 'lead', 'p1'), hold('past_lead', 'lead', 'p1', NULL, '2001-01-01') \g /dev/null
INSERT INTO abac_memberships (scope_type, scope_id, user_id, starts_at, expires_at) VALUES ('organization', 'o1', 'of_o1', NULL, NULL),
	('project', 'p1', 'of_p1', NULL, NULL), ('workspace', 'w1', 'of_w1', NULL, NULL),
	('project', 'p2', 'of_p2', NULL, NULL), ('organization', 'o2', 'of_o2', NULL, NULL),
	('organization', 'o1', 'past_o1', NULL, '2001-01-01'), ('organization', 'o1', 'future_o1', '2100-01-01', NULL);
SELECT policy('org', '{g_x}'), policy('project', '{g_x}'), policy('workspace', '{g_x}') \g /dev/null
SAVEPOINT scopes;
SELECT assign('org', 'organization', 'o1') \g /dev/null
SELECT u, decide(u, 'read', 'doc:1', '{"user": {"x": true}}') AS nowhere,
	decide(u, 'read', 'doc:1', in_scope('o1') || '{"user": {"x": true}}') AS o1,
	decide(u, 'read', 'doc:1', in_scope('p1') || '{"user": {"x": true}}') AS p1,
	decide(u, 'read', 'doc:1', in_scope('w1') || '{"user": {"x": true}}') AS w1,
	decide(u, 'read', 'doc:1', in_scope('o2') || '{"user": {"x": true}}') AS o2
FROM unnest('{of_o1,past_o1,future_o1,of_p1,lead_p1,of_w1,of_o2,stranger}'::text[]) AS u;
ROLLBACK TO scopes;
SELECT assign('project', 'project', 'p1') \g /dev/null
SELECT u, decide(u, 'read', 'doc:1', in_scope('o1') || '{"user": {"x": true}}') AS o1,
	decide(u, 'read', 'doc:1', in_scope('p1') || '{"user": {"x": true}}') AS p1,
	decide(u, 'read', 'doc:1', in_scope('w1') || '{"user": {"x": true}}') AS w1,
	decide(u, 'read', 'doc:1', in_scope('p2') || '{"user": {"x": true}}') AS p2
FROM unnest('{of_o1,of_p1,lead_p1,past_lead,of_w1,of_p2,stranger}'::text[]) AS u;
ROLLBACK TO scopes;
SELECT assign('workspace', 'workspace', 'w1') \g /dev/null
SELECT u, decide(u, 'read', 'doc:1', in_scope('p1') || '{"user": {"x": true}}') AS p1,
	decide(u, 'read', 'doc:1',
	in_scope('w1') || '{"user": {"x": true}}') AS w1 FROM unnest('{of_o1,of_p1,lead_p1,of_w1,of_p2,stranger}'::text[]) AS u;
ROLLBACK TO scopes;
UPDATE abac_policies SET effect = 'deny';
SELECT assign('org', 'organization', 'o1'), policy('all', '{g_yes}'), assign('all', 'user', 'of_o1'),
	assign('all', 'user', 'stranger') \g /dev/null
SELECT u, decide(u, 'read', 'doc:1', '{"user": {"x": true}}') AS nowhere,
	decide(u, 'read', 'doc:1', in_scope('o1') || '{"user": {"x": true}}') AS o1,
	decide(u, 'read', 'doc:1', in_scope('w1') || '{"user": {"x": true}}') AS w1,
	decide(u, 'read', 'doc:1', in_scope('o2') || '{"user": {"x": true}}') AS o2
FROM unnest('{of_o1,stranger}'::text[]) AS u;
ROLLBACK TO scopes;
-- a default's allow is an allow
UPDATE abac_policies SET default_effect = 'allow';
SELECT assign('org', 'organization', 'o1') \g /dev/null
SELECT decide('of_o1', 'read', 'doc:1', in_scope('o1') || '{"user": {"x": false}}'),
	decide('stranger', 'read', 'doc:1', in_scope('o1') || '{"user": {"x": false}}');
-- to the user as well: then it comes through
SELECT assign('org', 'user', 'stranger') \g /dev/null
SELECT decide('stranger', 'read', 'doc:1', in_scope('o1') || '{"user": {"x": false}}');
-- also of a policy that could deny as well: a default, a deny rule, the effect itself
ROLLBACK TO scopes;
CREATE FUNCTION at_o1(u text, x boolean) RETURNS text LANGUAGE sql AS
	$$ SELECT decide(u, 'read', 'doc:1', in_scope('o1') || jsonb_build_object('user', jsonb_build_object('x', x))) $$;
SELECT assign('org', 'organization', 'o1') \g /dev/null
UPDATE abac_policies SET default_effect = 'deny';
SELECT at_o1('of_o1', true), at_o1('stranger', true), at_o1('of_o1', false), at_o1('stranger', false);
UPDATE abac_policies SET effect = 'deny', default_effect = 'allow';
SELECT at_o1('of_o1', true), at_o1('stranger', true), at_o1('of_o1', false), at_o1('stranger', false);
UPDATE abac_policies SET effect = 'allow', default_effect = NULL;
SELECT rule('not x', '{"attribute": "user.x", "operator": "neq", "value": true}', 'deny') \g /dev/null
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT g.id, r.id FROM abac_rule_groups AS g, abac_rules AS r WHERE g.name = 'g_x' AND r.name = 'not x';
UPDATE abac_rule_groups SET combine_logic = 'or' WHERE name = 'g_x';
SELECT at_o1('of_o1', true), at_o1('stranger', true), at_o1('of_o1', false), at_o1('stranger', false);
ROLLBACK TO world;
-- a tenant's policy never reaches outside the tenant, however it is assigned
SELECT rule('tenant', org => 'o1'), grp('g_tenant', 'and', '{tenant}', 'o1'), policy('p', '{g_tenant}', org => 'o1') \g /dev/null
SELECT assign('p', 'user', 'ann'), assign('p', 'organization', 'o2'), assign('p', 'project', 'p3'), assign('p', 'team', 't2'),
	assign('p', 'team', 't0') \g /dev/null
INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES ('organization', 'o2', 'bob'), ('team', 't2', 'bob'),
	('team', 't0', 'bob'), ('organization', 'o2', 'ann');
SELECT u, decide(u, 'read', 'doc:1') AS nowhere, decide(u, 'read', 'doc:1', in_scope('o1')) AS o1,
	decide(u, 'read', 'doc:1', in_scope('w1')) AS w1, decide(u, 'read', 'doc:1', in_scope('o2')) AS o2,
	decide(u, 'read', 'doc:1', in_scope('p3')) AS p3
FROM unnest('{ann,bob}'::text[]) AS u;
ROLLBACK TO world;

--
-- 5. Priorities
--
SELECT policy('low', '{g_yes}', 'deny', priority => -1), policy('middle', '{g_yes}'),
	policy('high', '{g_x}', 'deny', priority => 2147483647), assign('low', 'user', 'ann'), assign('middle', 'user', 'ann'),
	assign('high', 'user', 'ann') \g /dev/null
SELECT x, decide('ann', 'read', 'doc:1', jsonb_build_object('user', jsonb_build_object('x', x))) FROM (VALUES ('true'::jsonb),
	('false')) AS v (x);
-- without an outcome, the next one decides
DELETE FROM abac_policy_assignments WHERE policy_id = (SELECT id FROM abac_policies WHERE name = 'middle');
SELECT decide('ann', 'read', 'doc:1', '{"user": {"x": false}}');
-- deny wins within one priority, whatever the names
SELECT policy('a', '{g_yes}', priority => 5), policy('b', '{g_yes}', 'deny', priority => 5), policy('c', '{g_yes}', priority => 5),
	assign('a', 'user', 'bob'), assign('b', 'user', 'bob'), assign('c', 'user', 'bob') \g /dev/null
SELECT decide('bob', 'read', 'doc:1');
-- an explicit reason is named before a default
SELECT policy('d', '{g_no}', 'allow', 'deny', 5), assign('d', 'user', 'bob'), policy('e', '{g_no}', 'deny', 'allow', 7),
	policy('f', '{g_yes}', priority => 7), assign('e', 'user', 'cat'), assign('f', 'user', 'cat') \g /dev/null
SELECT decide('bob', 'read', 'doc:1'), decide('cat', 'read', 'doc:1');
-- a default allow and a default deny of one priority; a default deny and an explicit allow
SELECT policy('h', '{g_no}', 'allow', 'deny', 9), assign('h', 'user', 'dan'), policy('i', '{g_no}', 'deny', 'allow', 9),
	assign('i', 'user', 'dan'), policy('j', '{g_yes}', priority => 9), assign('h', 'user', 'eve'), assign('j', 'user', 'eve') \g /dev/null
SELECT decide('dan', 'read', 'doc:1'), decide('eve', 'read', 'doc:1');
ROLLBACK TO world;

--
-- 5. What a policy's value makes of it.  The deny rule (d) is where it doesn't change the value: or(v, and(d, no))
--
SELECT rule('v', '{"attribute": "user.v", "operator": "eq", "value": true}'),
	rule('d', '{"attribute": "user.d", "operator": "eq", "value": true}', 'deny') \g /dev/null
SELECT grp('g_d', 'and', '{d,no}'), grp('g', 'or', '{v,@g_d}') \g /dev/null
SELECT policy('p', '{g}'), assign('p', 'user', 'ann') \g /dev/null
CREATE FUNCTION with_policy(effect text, default_effect text, v jsonb, d jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE abac_policies AS p SET effect = with_policy.effect, default_effect = with_policy.default_effect WHERE name = 'p';
	RETURN regexp_replace(decide('ann', 'read', 'doc:1', jsonb_build_object('user', jsonb_strip_nulls(jsonb_build_object('v', v, 'd', d)))), '( p| no_match)$', '');
END
$$;
SELECT effect, default_effect, coalesce(d::text, 'unknown') AS "deny rule", with_policy(effect, default_effect, 'true', d) AS "true",
	with_policy(effect, default_effect, NULL, d) AS "unknown",
	with_policy(effect, default_effect, 'false', d) AS "false"
FROM (VALUES ('allow', NULL), ('allow', 'allow'), ('allow', 'deny'), ('deny', NULL), ('deny', 'allow'), ('deny', 'deny')) AS e (effect,
	default_effect), unnest('{false,true,NULL}'::jsonb[]) AS d
ORDER BY effect COLLATE "C", default_effect COLLATE "C" NULLS FIRST, d::text COLLATE "C";
-- without a group, false
DELETE FROM abac_policy_rule_groups;
SELECT effect, default_effect, with_policy(effect, default_effect, 'true', 'false') FROM (VALUES ('allow', NULL), ('allow', 'allow'),
	('allow', 'deny'), ('deny', 'allow'), ('deny', 'deny')) AS e (effect, default_effect);
ROLLBACK TO world;

-- groups: Kleene's and, or, not over the members, nested and shared; all groups of a policy must match
SELECT rule('a', '{"attribute": "user.a", "operator": "eq", "value": true}'),
	rule('b', '{"attribute": "user.b", "operator": "eq", "value": true}') \g /dev/null
SELECT grp('and', 'and', '{a,b}'), grp('or', 'or', '{a,b}'), grp('not', 'not', '{a,b}') \g /dev/null
SELECT grp('not not', 'not', '{@not}'), grp('nand', 'not', '{@and}') \g /dev/null
SELECT grp('xor', 'and', '{@or,@nand}') \g /dev/null
SELECT policy(g, ARRAY[g]), assign(g, 'user', g) FROM unnest('{and,or,not,"not not",nand,xor}'::text[]) AS g \g /dev/null
SELECT policy('both', '{or,nand}'), assign('both', 'user', 'both') \g /dev/null
CREATE FUNCTION value_of(u text, a jsonb, b jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT abac_explain(u, 'read', 'doc:1', jsonb_build_object('user', jsonb_strip_nulls(jsonb_build_object('a', a, 'b', b)))) #>> '{policies,0,value}'
$$;
SELECT coalesce(a::text, 'unknown') AS a, coalesce(b::text, 'unknown') AS b, value_of('and', a, b) AS "and", value_of('or', a, b) AS "or",
	value_of('not', a, b) AS "not", value_of('not not', a, b) AS "not not",
	value_of('nand', a, b) AS nand, value_of('xor', a, b) AS xor, value_of('both', a, b) AS "or; nand"
FROM unnest('{true,NULL,false}'::jsonb[]) AS a, unnest('{true,NULL,false}'::jsonb[]) AS b
ORDER BY 1, 2;
ROLLBACK TO world;

--
-- 5. Rules not in force, other targets, empty groups
--
-- in a group alone; under not; under two nots; next to a rule that is true, under or; next to one that is false, under not
SELECT rule('inactive', active => false), rule('past', expires => '2001-01-01'), rule('future', starts => '2100-01-01'),
	rule('other type', type => 'note'), rule('other action', actions => '{write}'),
	rule('present', starts => '2001-01-01', expires => '2100-01-01'), rule('this type', type => 'doc'),
	rule('this action', actions => '{write,read}'), rule('any type', type => '*'), rule('any action', actions => '{write,*}'),
	rule('deny', '{"attribute": "user.nothing", "operator": "eq", "value": 1}', 'deny', active => false) \g /dev/null
SELECT grp('and ' || r, 'and', ARRAY[r]), grp('not ' || r, 'not', ARRAY[r]), grp('or ' || r, 'or', ARRAY[r, 'yes']),
	grp('nor ' || r, 'not', ARRAY[r, 'no']), grp('both ' || r, 'and', ARRAY[r, 'yes'])
FROM unnest('{inactive,past,future,other type,other action,present,this type,this action,any type,any action}'::text[]) AS r \g /dev/null
SELECT grp('not not ' || r, 'not',
	ARRAY['@not ' || r]) FROM unnest('{inactive,past,future,other type,other action,present,this type,this action,any type,any action}'::text[]) AS r \g /dev/null
CREATE FUNCTION with_group(groups text[], effect text DEFAULT 'allow', default_effect text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM abac_policies WHERE name = 'p';
	PERFORM policy('p', groups, effect, default_effect), assign('p', 'user', 'ann');
	RETURN regexp_replace(decide('ann', 'read', 'doc:1'), ' (no_match|p)$', '');
END
$$;
-- the policy also has a group with a rule that is true, so that it is about the request
SELECT r AS "rule", with_group(ARRAY['g_yes', 'and ' || r]) AS "and", with_group(ARRAY['g_yes', 'not ' || r]) AS "not",
	with_group(ARRAY['g_yes', 'not not ' || r]) AS "not not", with_group(ARRAY['g_yes', 'or ' || r]) AS "or yes",
	with_group(ARRAY['g_yes', 'nor ' || r]) AS "not (or no)"
FROM unnest('{inactive,past,future,other type,other action,present,this type,this action,any type,any action}'::text[]) AS r;
-- alone: about the request only where a rule in force has it as its target
SELECT r AS "rule", with_group(ARRAY['and ' || r], 'allow', 'deny') AS "default deny",
	with_group(ARRAY['not ' || r], 'allow', 'deny') AS "not, default deny",
	with_group(ARRAY['and ' || r], 'deny', 'allow') AS "deny, default allow"
FROM unnest('{inactive,past,future,other type,other action,present,this type,this action,any type,any action}'::text[]) AS r;
-- default allow: every rule in force and no group empty
SELECT grp('empty and', 'and', '{}'), grp('empty or', 'or', '{}'), grp('empty not', 'not', '{}') \g /dev/null
SELECT g AS "group", with_group(ARRAY['g_no', g], 'allow', 'allow') AS "default allow",
	with_group(ARRAY['g_no', g], 'allow', 'deny') AS "default deny"
FROM unnest('{g_yes,or inactive,or past,or future,or other type,or other action,or present,empty and,empty or,empty not}'::text[]) AS g;
-- an empty group never helps
SELECT grp('not ' || g, 'not', ARRAY['@' || g]), grp('or ' || g, 'or', ARRAY['@' || g, 'yes']),
	grp('nor ' || g, 'not', ARRAY['@' || g, 'no']) FROM unnest('{empty and,empty or,empty not}'::text[]) AS g \g /dev/null
SELECT grp('not not ' || g, 'not', ARRAY['@not ' || g]) FROM unnest('{empty and,empty or,empty not}'::text[]) AS g \g /dev/null
SELECT g AS "group", with_group(ARRAY['g_yes', g]) AS "alone", with_group(ARRAY['g_yes', 'not ' || g]) AS "not",
	with_group(ARRAY['g_yes', 'not not ' || g]) AS "not not", with_group(ARRAY['g_yes', 'or ' || g]) AS "or yes",
	with_group(ARRAY['g_yes', 'nor ' || g]) AS "not (or no)"
FROM unnest('{empty and,empty or,empty not}'::text[]) AS g;
-- a deny rule that isn't in force, or is about something else, doesn't bind
SELECT grp('denied', 'or', '{yes,deny}') \g /dev/null
SELECT with_group('{denied}') AS "inactive";
UPDATE abac_rules SET is_active = true WHERE name = 'deny';
SELECT with_group('{denied}') AS "active, unknown";
UPDATE abac_rules SET conditions = 'false' WHERE name = 'deny';
SELECT with_group('{denied}') AS "active, false";
UPDATE abac_rules SET conditions = NULL, target_actions = '{write}' WHERE name = 'deny';
SELECT with_group('{denied}') AS "another action";
UPDATE abac_rules SET target_actions = NULL, resource_type = 'note' WHERE name = 'deny';
SELECT with_group('{denied}') AS "another type";
UPDATE abac_rules SET resource_type = 'doc', starts_at = '2100-01-01' WHERE name = 'deny';
SELECT with_group('{denied}') AS "to come";
-- at any depth, also under not
UPDATE abac_rules SET starts_at = NULL WHERE name = 'deny';
SELECT grp('deep', 'not', '{deny}'), grp('deeper', 'and', '{@deep}'), grp('deepest', 'or', '{yes,@deeper}') \g /dev/null
SELECT with_group('{deepest}') AS "deep";
ROLLBACK TO world;

--
-- Broken rows (guards off): unknown
--
SET LOCAL session_replication_role = replica;
SELECT rule('foreign', org => 'o2'), rule('bad', '{"logic": "maybe"}'), rule('bad deny', '{"logic": "maybe"}', 'deny'),
	rule('deny', NULL, 'deny') \g /dev/null
SELECT grp('cycle a', 'or', '{yes}'), grp('cycle b', 'or', '{@cycle a,yes}'), grp('foreign member', 'or', '{yes,foreign}'),
	grp('foreign group', 'or', '{yes}', 'o2'), grp('bad tree', 'and', '{bad}'), grp('bad tree or yes', 'or', '{bad,yes}'),
	grp('bad deny', 'or', '{yes,bad deny}'), grp('missing rule', 'or', '{yes}'), grp('missing group', 'or', '{yes}'),
	grp('child missing', 'or', '{yes}') \g /dev/null
INSERT INTO abac_rule_group_members (group_id, child_group_id) SELECT a.id, b.id FROM abac_rule_groups AS a,
	abac_rule_groups AS b WHERE a.name = 'cycle a' AND b.name = 'cycle b';
INSERT INTO abac_rule_group_members (group_id, rule_id) SELECT id,
	'00000000-0000-0000-0000-000000000001' FROM abac_rule_groups WHERE name = 'missing rule';
INSERT INTO abac_rule_group_members (group_id, child_group_id) SELECT id,
	'00000000-0000-0000-0000-000000000002' FROM abac_rule_groups WHERE name = 'child missing';
CREATE FUNCTION with_broken(g text, effect text, default_effect text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM abac_policy_rule_groups;
	DELETE FROM abac_policies;
	DELETE FROM abac_policy_assignments;
	PERFORM policy('p', ARRAY[g, 'g_yes'], effect, default_effect), assign('p', 'user', 'ann');
	IF g = 'missing group' THEN
		INSERT INTO abac_policy_rule_groups (policy_id, rule_group_id) SELECT id, '00000000-0000-0000-0000-000000000003' FROM abac_policies;
	END IF;
	RETURN regexp_replace(decide('ann', 'read', 'doc:1'), ' (no_match|p)$', '');
END
$$;
SELECT g AS "group", with_broken(g, 'allow', NULL) AS "allow", with_broken(g, 'allow', 'allow') AS "allow, default allow",
	with_broken(g, 'allow', 'deny') AS "allow, default deny", with_broken(g, 'deny', NULL) AS "deny",
	abac_explain('ann', 'read', 'doc:1') #>> '{policies,0,value}' AS value,
	abac_explain('ann', 'read', 'doc:1') #>> '{policies,0,why}' AS why
FROM unnest('{cycle a,cycle b,foreign member,foreign group,missing rule,missing group,child missing,bad tree,bad tree or yes,bad deny}'::text[]) AS g;
-- it's unknown also where none of its rules is about the request
UPDATE abac_rules SET resource_type = 'note';
SELECT with_broken('cycle a', 'deny', NULL), with_broken('bad tree', 'deny', NULL);
-- more than 32 levels
UPDATE abac_rules SET resource_type = NULL;
SELECT grp('level 1', 'and', '{yes}') \g /dev/null
DO $$ BEGIN FOR i IN 2..33 LOOP PERFORM grp('level ' || i, 'and', ARRAY['@level ' || i - 1]); END LOOP; END $$;
SELECT with_broken('level 32', 'allow', NULL) AS "32 levels", with_broken('level 33', 'allow', NULL) AS "33 levels",
	with_broken('level 33', 'deny', NULL) AS "33 levels, deny";
SET LOCAL session_replication_role = origin;
ROLLBACK TO world;

--
-- 6. Legacy rules
--
INSERT INTO abac_memberships (scope_type, scope_id, user_id) VALUES ('organization', 'o1', 'ann'), ('project', 'p1', 'bob'),
	('organization', 'o2', 'cat');
INSERT INTO abac_policy_rules (organization_id, name, resource_type, conditions, effect, priority) VALUES ('o1', 'allow x', 'doc',
	'{"attr": "user.x", "op": "eq", "val": true}', 'allow', 1);
SELECT u, x, decide(u, 'read', 'doc:1', jsonb_build_object('user', jsonb_build_object('x', x))) AS nowhere,
	decide(u, 'read', 'doc:1', in_scope('o1') || jsonb_build_object('user', jsonb_build_object('x', x))) AS o1,
	decide(u, 'delete', 'doc:1', in_scope('w1') || jsonb_build_object('user', jsonb_build_object('x', x))) AS w1,
	decide(u, 'read', 'note:1', in_scope('o1') || jsonb_build_object('user', jsonb_build_object('x', x))) AS note,
	decide(u, 'read', 'doc:1', in_scope('o2') || jsonb_build_object('user', jsonb_build_object('x', x))) AS o2
FROM unnest('{ann,bob,cat}'::text[]) AS u, unnest('{true,false,null}'::jsonb[]) AS x ORDER BY 1, 2;
SAVEPOINT legacy;
-- a denial: binds everyone, also when unknown
UPDATE abac_policy_rules SET effect = 'deny', name = 'deny x';
INSERT INTO abac_policy_rules (organization_id, name, effect, priority) VALUES ('o1', 'allow all', 'allow', 0);
SELECT u, x, decide(u, 'read', 'doc:1',
	in_scope('o1') || jsonb_build_object('user', jsonb_build_object('x', x))) FROM unnest('{ann,stranger}'::text[]) AS u,
	unnest('{true,false,null}'::jsonb[]) AS x ORDER BY 1, 2;
-- priorities: higher first, deny wins at the same
UPDATE abac_policy_rules SET priority = 5 WHERE name = 'allow all';
SELECT decide('ann', 'read', 'doc:1', in_scope('o1') || '{"user": {"x": true}}') AS "allow is higher";
UPDATE abac_policy_rules SET priority = 5;
SELECT decide('ann', 'read', 'doc:1', in_scope('o1') || '{"user": {"x": true}}') AS "the same";
-- an allow that doesn't count decides nothing
UPDATE abac_policy_rules SET priority = 9 WHERE name = 'allow all';
SELECT decide('stranger', 'read', 'doc:1', in_scope('o1') || '{"user": {"x": true}}') AS "not a member";
-- inactive
UPDATE abac_policy_rules SET is_active = false WHERE name = 'deny x';
UPDATE abac_policy_rules SET priority = 0 WHERE name = 'allow all';
SELECT decide('ann', 'read', 'doc:1', in_scope('o1') || '{"user": {"x": true}}') AS "inactive";
-- one that doesn't compile is unknown
SET LOCAL session_replication_role = replica;
UPDATE abac_policy_rules SET conditions = '{"bad": 1}' WHERE name = 'allow all';
SELECT decide('ann', 'read', 'doc:1', in_scope('o1')) AS "broken allow";
UPDATE abac_policy_rules SET effect = 'deny' WHERE name = 'allow all';
SELECT decide('ann', 'read', 'doc:1', in_scope('o1')) AS "broken deny";
SET LOCAL session_replication_role = origin;
ROLLBACK TO legacy;
-- after the policies, and a role's grant is named first
SELECT policy('p', '{g_yes}', 'deny'), assign('p', 'user', 'ann') \g /dev/null
SELECT decide('ann', 'read', 'doc:1', in_scope('o1') || '{"user": {"x": true}}');
ROLLBACK TO legacy;
SELECT role('reader', 'organization', NULL, '{doc:read}'), hold('ann', 'reader', 'o1') \g /dev/null
SELECT decide('ann', 'read', 'doc:1', in_scope('o1') || '{"user": {"x": true}}'),
	decide('ann', 'write', 'doc:1', in_scope('o1') || '{"user": {"x": true}}');
UPDATE abac_policy_rules SET effect = 'deny';
SELECT decide('ann', 'read', 'doc:1', in_scope('o1') || '{"user": {"x": true}}'),
	decide('ann', 'read', 'doc:1', in_scope('o1') || '{"user": {"x": false}}');
ROLLBACK TO world;

--
-- 6. Roles
--
SELECT role('global', 'global', NULL, '{doc:read}'), role('org', 'organization', NULL, '{doc:read}'),
	role('project', 'project', NULL, '{doc:*}'), role('workspace', 'workspace', NULL, '{*:read}'),
	role('tenant', 'organization', 'o1', '{*:*}'),
	role('powerless', 'global') \g /dev/null
SELECT hold('ann', 'global'), hold('bob', 'org', 'o1'), hold('cat', 'project', 'p1'), hold('dan', 'workspace', 'w1'),
	hold('eve', 'tenant', 'o1'), hold('fay', 'global', NULL, NULL, '2001-01-01'), hold('gus', 'global', NULL, '2100-01-01'),
	hold('hal', 'powerless') \g /dev/null
SELECT u, decide(u, 'read', 'doc:1') AS nowhere, decide(u, 'read', 'doc:1', in_scope('o1')) AS o1,
	decide(u, 'write', 'doc:1', in_scope('p1')) AS "write in p1", decide(u, 'read', 'note', in_scope('w1')) AS "note in w1",
	decide(u, 'delete', 'note', in_scope('w1')) AS "delete in w1", decide(u, 'read', 'doc:1', in_scope('o2')) AS o2
FROM unnest('{ann,bob,cat,dan,eve,fay,gus,hal}'::text[]) AS u;
ROLLBACK TO world;
-- conditions: of every permission that matches, for this role or all roles; all AND ones, and any OR one
SELECT role('reader', 'global', NULL, '{doc:read}'), role('other', 'global', NULL, '{doc:read}'), hold('ann', 'reader'),
	hold('bob', 'other') \g /dev/null
CREATE FUNCTION condition(permission text, attribute text, logic text DEFAULT 'AND', role text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	INSERT INTO abac_conditions (permission_id, role_id, attribute_key, operator, attribute_value, logic_group)
	SELECT p.id, (SELECT id FROM abac_roles AS r WHERE r.name = role), attribute, 'eq', 'true', logic FROM abac_permissions AS p WHERE p.name = permission
$$;
CREATE FUNCTION with_user(u text, attributes text) RETURNS text LANGUAGE sql AS
	$$ SELECT split_part(decide(u, 'read', 'doc:1', jsonb_build_object('user', attributes::jsonb)), ' ', 2) $$;
SAVEPOINT conditions;
SELECT condition('doc:read', 'user.a'), condition('doc:read', 'user.b') \g /dev/null
SELECT attributes, with_user('ann',
	attributes) FROM unnest('{"{}","{\"a\": true}","{\"a\": true, \"b\": false}","{\"a\": true, \"b\": true}"}'::text[]) AS attributes;
ROLLBACK TO conditions;
SELECT condition('doc:read', 'user.a', 'OR'), condition('doc:read', 'user.b', 'OR') \g /dev/null
SELECT attributes, with_user('ann',
	attributes) FROM unnest('{"{}","{\"a\": true}","{\"a\": false, \"b\": true}","{\"a\": false, \"b\": false}","{\"a\": true, \"b\": true}"}'::text[]) AS attributes;
SELECT condition('doc:read', 'user.c') \g /dev/null
SELECT attributes, with_user('ann',
	attributes) FROM unnest('{"{\"c\": true}","{\"a\": true}","{\"a\": true, \"c\": true}","{\"a\": true, \"c\": false}"}'::text[]) AS attributes;
ROLLBACK TO conditions;
-- for one role
SELECT condition('doc:read', 'user.a', 'AND', 'reader') \g /dev/null
SELECT with_user('ann', '{}') AS reader, with_user('bob', '{}') AS other, with_user('ann', '{"a": true}') AS "reader, a";
-- a role without it is enough
SELECT hold('ann', 'other') \g /dev/null
SELECT with_user('ann', '{}') AS "reader and other";
ROLLBACK TO conditions;
-- of every permission that matches, not only the role's own
SELECT condition('doc:*', 'user.a'), condition('*:read', 'user.b', 'OR'), condition('doc:write', 'user.c') \g /dev/null
SELECT attributes, with_user('ann',
	attributes) FROM unnest('{"{}","{\"a\": true}","{\"b\": true}","{\"a\": true, \"b\": true}"}'::text[]) AS attributes;
-- per permission: an OR one of one permission doesn't stand in for another's
SELECT condition('doc:*', 'user.d', 'OR') \g /dev/null
SELECT attributes, with_user('ann',
	attributes) FROM unnest('{"{\"a\": true, \"b\": true}","{\"a\": true, \"d\": true}","{\"a\": true, \"b\": true, \"d\": true}"}'::text[]) AS attributes;
ROLLBACK TO conditions;
-- they see what a platform-wide rule sees, unless they are for an organization's role
SELECT role('tenant', 'organization', 'o1', '{doc:read}'), hold('cat', 'tenant', 'o1') \g /dev/null
INSERT INTO abac_user_attributes (user_id, organization_id, attributes) VALUES ('cat', NULL, '{"a": false, "b": true}'),
	('cat', 'o1', '{"a": true, "b": false}');
SELECT condition('doc:read', 'user.a', 'AND', 'tenant') \g /dev/null
SELECT decide('cat', 'read', 'doc:1', in_scope('o1')) AS "the organization's row";
SELECT condition('doc:read', 'user.b') \g /dev/null
SELECT decide('cat', 'read', 'doc:1', in_scope('o1')) AS "and the global row";
SELECT condition('doc:read', 'user.a') \g /dev/null
SELECT decide('cat', 'read', 'doc:1', in_scope('o1')) AS "which denies";
ROLLBACK TO conditions;
-- one that doesn't compile
SET LOCAL session_replication_role = replica;
INSERT INTO abac_conditions (permission_id, attribute_key, operator, attribute_value) SELECT id, 'user.a', 'maybe',
	'true' FROM abac_permissions WHERE name = 'doc:read';
SELECT with_user('ann', '{"a": true}') AS broken;
INSERT INTO abac_conditions (permission_id, attribute_key, operator, attribute_value, logic_group) SELECT id, 'user.a', 'maybe', 'true',
	'OR' FROM abac_permissions WHERE name = 'doc:read';
DELETE FROM abac_conditions WHERE logic_group = 'AND';
SELECT condition('doc:read', 'user.a', 'OR') \g /dev/null
SELECT with_user('ann', '{}') AS "broken or unknown", with_user('ann', '{"a": true}') AS "broken or true";
SET LOCAL session_replication_role = origin;
ROLLBACK TO world;

--
-- The hash of conditions
--
SELECT rule('same', '{"value": true, "operator": "eq", "attribute": "user.x"}'),
	rule('é', '{"attribute": "user.x", "operator": "eq", "value": "é"}') \g /dev/null
SELECT name, condition_hash, condition_hash = encode(sha256(convert_to(conditions::text, 'UTF8')),
	'hex') AS right FROM abac_rules WHERE name IN ('x', 'same', 'yes', 'é') ORDER BY name COLLATE "C";
UPDATE abac_rules SET conditions = 'true' WHERE name IN ('x', 'yes');
SELECT name, condition_hash FROM abac_rules WHERE name IN ('x', 'yes') ORDER BY name COLLATE "C";
ROLLBACK;
