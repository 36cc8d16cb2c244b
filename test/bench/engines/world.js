// What every engine beside abac is given: the tables (export.sql), read once,
// as the application around such an engine would.
//
// world.statements     what the policies, roles, direct permissions and legacy
//     rules come to: [{effect, rank, group, type, actions, cond}]. The highest
//     rank at which something applies decides, and there deny wins. `type` and
//     `actions` are null where all are meant.
// world.principal(user, scope)     {id, groups, attributes}: a statement is for
//     one group, and these are the groups that the user is in when acting in
//     that scope. Made at the first question and kept, as in a session.
// world.prepare(row)   a row of bench_distinct as the application's request:
//     parsed, defaults filled in, dates and times of day as numbers.
//
// A condition is two-valued here: what abac leaves unknown is resolved into
// explicit tests of presence. It is true, false, {and: […]}, {or: […]},
// {not: …}, {group}, {target: {type, actions}}, {has: operand}, or
// {op, left, right, negate}, whose operands are there ({has} stands in front
// where they might be missing). An operand is {value} or {root, path, type,
// always, …}.
'use strict';

const LEVEL = 1e6;              // ranks: of a step of the decision, plus a policy's priority
const SUPER_ADMIN = 9 * LEVEL;
const DIRECT_DENY = 8 * LEVEL;
const DIRECT_GLOBAL = 7 * LEVEL;
const PLATFORM_DENY = 6 * LEVEL;
const DIRECT_SCOPED = 5 * LEVEL;
const POLICY = 4 * LEVEL;
const LEGACY = 3 * LEVEL;
const ROLE = 2 * LEVEL;

const ROOTS = { user: 'user', subject: 'user', resource: 'resource', env: 'env', environment: 'env', context: 'context' };
const OPERATORS = {
    eq: 'eq', equals: 'eq', '=': 'eq', neq: 'neq', gt: 'gt', gte: 'gte', lt: 'lt', lte: 'lte', between: 'between',
    in: 'in', not_in: 'not_in', contains: 'contains', not_contains: 'not_contains', starts_with: 'starts_with',
    in_cidr: 'in_cidr', not_in_cidr: 'not_in_cidr', is_superset: 'is_superset', exists: 'exists',
};
const NEGATED = { neq: 'eq', not_in: 'in', not_contains: 'contains', not_in_cidr: 'in_cidr' };
const BUILT_IN = new Set(['user.id', 'resource.type', 'context.action', 'env.now', 'env.time_of_day']);

const index = (rows, key) => {
    const map = new Map();
    for (const row of rows || []) {
        const k = row[key];
        if (!map.has(k)) map.set(k, []);
        map.get(k).push(row);
    }
    return map;
};
const and = list => {
    const rest = list.flatMap(c => c === true ? [] : c.and || [c]);
    if (rest.includes(false)) return false;
    return rest.length === 0 ? true : rest.length === 1 ? rest[0] : { and: rest };
};
const or = list => {
    const rest = list.flatMap(c => c === false ? [] : c.or || [c]);
    if (rest.includes(true)) return true;
    return rest.length === 0 ? false : rest.length === 1 ? rest[0] : { or: rest };
};
const not = cond => typeof cond === 'boolean' ? !cond : cond.not || { not: cond };
const minutes = text => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
const fits = (target, type, actions) => (target.type === null || target.type === type) &&
    (target.actions === null || (actions !== null && actions.every(a => target.actions.includes(a))));
const meet = (a, b) => a.type !== null && b.type !== null && a.type !== b.type ? null : {
    type: a.type ?? b.type,
    actions: a.actions === null ? b.actions : b.actions === null ? a.actions : a.actions.filter(x => b.actions.includes(x)),
};

class World {
    constructor(tables) {
        this.tables = tables;
        this.definitions = index(tables.definitions, 'name');
        this.rules = new Map((tables.rules || []).map(r => [r.id, r]));
        this.groups = new Map((tables.groups || []).map(g => [g.id, g]));
        this.members = index(tables.members, 'group_id');
        this.scopes = new Map((tables.scopes || []).map(s => [s.scope_type + ':' + s.scope_id, s]));
        this.roles = new Map((tables.roles || []).map(r => [r.id, r]));
        this.permissions = new Map((tables.permissions || []).map(p => [p.id, p]));
        this.userRoles = index(tables.user_roles, 'user_id');
        this.memberships = index(tables.memberships, 'user_id');
        this.stored = index(tables.attributes, 'user_id');
        this.userAttributes = new Map();        // those that a condition asks for
        this.statements = [];
        this.principals = new Map();

        this.addRoles();
        this.addDirect();
        this.addLegacy();
        this.addPolicies();
        this.statements.sort((a, b) => b.rank - a.rank || (a.effect === 'deny' ? 0 : 1) - (b.effect === 'deny' ? 0 : 1));
        this.used = new Set(this.statements.map(s => s.group));
    }

    // ---------------------------------------------------------------- who and where

    // A scope and those above it, innermost first, as "type:id".
    chain(scope) {
        const found = [];
        for (let at = scope; at; ) {
            const row = this.scopes.get(at);
            found.push(at);
            at = row && row.parent_type ? row.parent_type + ':' + row.parent_id : null;
        }
        return found;
    }

    principal(user, scope) {
        let byScope = this.principals.get(user);
        if (!byScope) this.principals.set(user, byScope = new Map());
        let found = byScope.get(scope);
        if (!found) byScope.set(scope, found = this.makePrincipal(user, scope));
        return found;
    }

    makePrincipal(user, scope) {
        const chain = this.chain(scope);
        const top = chain[chain.length - 1];
        const organization = top.startsWith('organization:') ? top.slice('organization:'.length) : null;
        const held = (this.userRoles.get(user) || []).filter(u => {
            const owner = this.roles.get(u.role_id).organization_id;
            return (u.context_type === 'global' || chain.includes(u.context_type + ':' + u.context_id)) &&
                (owner === null || owner === organization);
        });
        const memberships = this.memberships.get(user) || [];
        const teams = memberships.filter(m => m.scope_type === 'team').filter(m => {
            const team = this.scopes.get('team:' + m.scope_id);
            return team && (team.parent_id === null || team.parent_id === organization);
        }).map(m => m.scope_id);
        const groups = ['user:' + user, ...held.map(u => 'role:' + u.role_id), ...teams.map(t => 'team:' + t)];
        let member = false;
        for (const at of [...chain].reverse()) {
            member ||= memberships.some(m => m.scope_type + ':' + m.scope_id === at) ||
                held.some(u => u.context_type + ':' + u.context_id === at);
            groups.push('in:' + at, at + '/user:' + user);
            if (member) groups.push('member:' + at);
        }
        const all = [...new Set(groups)].flatMap(g => organization === null ? ['*|' + g] : ['*|' + g, organization + '|' + g]);
        return {
            id: user,
            key: user + '@' + scope,
            groups: all.filter(g => this.used.has(g)),
            attributes: this.attributesOf(user, organization, teams),
        };
    }

    attributesOf(user, organization, teams) {
        const rows = this.stored.get(user) || [];
        const own = rows.find(r => r.organization_id === organization);
        const global = rows.find(r => r.organization_id === null);
        const found = { id: user };

        for (const [key, attribute] of this.userAttributes) {
            if (key === 'id') continue;
            const definition = this.definition('user.' + key, organization);
            let value = definition && definition.source === 'global' ? undefined : own && own.attributes[key];
            value ??= global && global.attributes[key];
            if (key === 'teams') value ??= teams;
            value ??= definition && definition.default_value;
            if (value !== undefined && value !== null) found[key] = toValue(value, attribute.type);
        }
        return found;
    }

    // ---------------------------------------------------------------- requests

    prepare(row) {
        const colon = row.resource.indexOf(':');
        const type = colon < 0 ? row.resource : row.resource.slice(0, colon);
        const { scope: places = {}, resource = {}, env = {}, context = {} } = row.ctx;
        const inner = ['workspace', 'project', 'organization'].find(t => places[t]);
        const scope = inner + ':' + places[inner];
        const chain = this.chain(scope);
        const organization = chain[chain.length - 1].slice('organization:'.length);
        const request = {
            number: row.id, expected: row.expected, user: row.user_id, action: row.action, type, scope,
            resource: this.filled('resource', resource, organization),
            env: this.filled('env', env, organization),
            context: this.filled('context', context, organization),
        };
        request.resource.type = type;
        request.context.action = row.action;
        if (colon >= 0) request.resource.id = row.resource.slice(colon + 1);
        return request;
    }

    filled(root, given, organization) {
        const found = {};
        for (const name of this.definitions.keys()) {
            const definition = name.startsWith(root + '.') && this.definition(name, organization);
            if (definition && definition.default_value !== null) found[name.slice(root.length + 1)] = definition.default_value;
        }
        for (const [key, value] of Object.entries(given)) {
            const definition = this.definition(root + '.' + key, organization);
            found[key] = toValue(value, typeOf(root + '.' + key, definition));
        }
        return found;
    }

    // ---------------------------------------------------------------- statements

    add(effect, rank, group, target, cond) {
        if (cond === false) return;
        this.statements.push({
            id: 's' + this.statements.length, effect, rank, group, cond,
            type: target.type, actions: target.actions && [...target.actions],
        });
    }

    // The statements that go before this one and may speak of the same.
    overrides(statement) {
        const [owner] = statement.group.split('|');
        return this.statements.filter(s => s.rank > statement.rank && s.effect !== statement.effect && meet(s, statement) &&
            meet(s, statement).actions?.length !== 0 && (s.group.startsWith('*|') || owner === '*' || s.group.startsWith(owner + '|')));
    }

    addRoles() {
        for (const role of this.roles.values()) {
            if (role.is_super_admin) this.add('allow', SUPER_ADMIN, '*|role:' + role.id, { type: null, actions: null }, true);
        }
        for (const grant of this.tables.role_permissions || []) {
            const role = this.roles.get(grant.role_id);
            const target = targetOf(this.permissions.get(grant.permission_id));
            // the conditions of every permission that fits what is asked
            const conditions = [...this.permissions.values()].map(permission => {
                const narrow = targetOf(permission);
                if (!meet(narrow, target) || meet(narrow, target).actions?.length === 0) return true;
                const own = (this.tables.conditions || []).filter(c => c.permission_id === permission.id && (c.role_id === null || c.role_id === role.id));
                if (own.length === 0) return true;
                const leaf = c => this.leaf({ attribute: c.attribute_key, operator: c.operator, value: c.attribute_value }, role.organization_id, true);
                const either = own.filter(c => c.logic_group === 'OR').map(leaf);
                const all = and([...own.filter(c => c.logic_group === 'AND').map(leaf), either.length > 0 ? or(either) : true]);
                return fits(narrow, target.type, target.actions) ? all : or([not({ target: narrow }), all]);
            });
            this.add('allow', ROLE, '*|role:' + role.id, target, and(conditions));
        }
    }

    addDirect() {
        for (const given of this.tables.user_permissions || []) {
            const at = given.context_type === 'global' ? '' : given.context_type + ':' + given.context_id + '/';
            const rank = !given.granted ? DIRECT_DENY : at === '' ? DIRECT_GLOBAL : DIRECT_SCOPED;
            this.add(given.granted ? 'allow' : 'deny', rank, '*|' + at + 'user:' + given.user_id, targetOf(this.permissions.get(given.permission_id)), true);
        }
    }

    addLegacy() {
        for (const rule of this.tables.legacy_rules || []) {
            const organization = rule.organization_id;
            const target = { type: rule.resource_type === '*' ? null : rule.resource_type, actions: null };
            const denies = rule.effect === 'deny';
            const cond = denies ? not(this.tree(rule.conditions, organization, false)) : this.tree(rule.conditions, organization, true);
            this.add(rule.effect, LEGACY + rule.priority, `${organization}|${denies ? 'in' : 'member'}:organization:${organization}`, target, cond);
        }
    }

    addPolicies() {
        const links = index(this.tables.policy_groups, 'policy_id');
        const assignments = index(this.tables.assignments, 'policy_id');
        const platform = (this.tables.policies || []).filter(p => p.organization_id === null);
        const lowest = Math.min(...platform.filter(p => p.effect === 'deny').map(p => p.priority));

        if (platform.some(p => p.effect === 'allow' && p.priority > lowest))
            throw new Error('a platform-wide policy that allows before one that denies is not provided for');
        for (const policy of this.tables.policies || []) {
            const parts = (links.get(policy.id) || []).map(l => this.groups.get(l.rule_group_id));
            if (parts.length === 0 || !assignments.has(policy.id)) continue;
            const { deny, allow, target } = this.outcomes(policy, parts);
            const denyRank = (policy.organization_id === null ? PLATFORM_DENY : POLICY) + policy.priority;
            for (const a of assignments.get(policy.id)) {
                const place = ['organization', 'project', 'workspace'].includes(a.target_type);
                const group = (policy.organization_id ?? '*') + '|';
                const to = a.target_type + ':' + a.target_id;
                this.add('deny', denyRank, group + (place ? 'in:' : '') + to, target, deny);
                this.add('allow', POLICY + policy.priority, group + (place ? 'member:' : '') + to, target, allow);
            }
        }
    }

    // When a policy denies and when it allows.
    outcomes(policy, parts) {
        const rules = parts.flatMap(g => this.rulesOf(g));
        const inForce = rules.filter(r => r.in_force);
        const targets = inForce.map(targetOf);
        const same = targets.length > 0 && targets.every(t => JSON.stringify(t) === JSON.stringify(targets[0]));
        let target = same ? targets[0] : { type: null, actions: null };
        this.implied = target;
        const targeted = same ? true : targets.some(t => t.type === null && t.actions === null) ? true : or(targets.map(t => ({ target: t })));
        const isTrue = and(parts.map(g => this.group(g, policy.organization_id, true, 0)));
        const isFalse = or(parts.map(g => this.group(g, policy.organization_id, false, 0)));
        const refused = or(inForce.filter(r => r.effect === 'deny').map(r => not(this.rule(r, policy.organization_id, false, 0))));
        let deny, allow = false;
        if (policy.effect === 'deny') deny = not(isFalse);
        else {
            const defaultAllows = policy.default_effect === 'allow' && rules.every(r => r.in_force) && !parts.some(g => this.hasEmpty(g));
            allow = or([and([isTrue, not(refused)]), defaultAllows ? and([isFalse, not(refused)]) : false]);
            // unknown or true, and refused; or false and by default
            deny = policy.default_effect === 'deny' ? or([not(isTrue), refused]) :
                defaultAllows ? refused : and([not(isFalse), refused]);
        }
        return { deny: and([targeted, deny]), allow: and([targeted, allow]), target };
    }

    rulesOf(group) {
        return (this.members.get(group.id) || []).flatMap(m => m.rule_id ? [this.rules.get(m.rule_id)] : this.rulesOf(this.groups.get(m.child_group_id)));
    }

    hasEmpty(group) {
        const members = this.members.get(group.id) || [];
        return members.length === 0 || members.some(m => m.child_group_id && this.hasEmpty(this.groups.get(m.child_group_id)));
    }

    // The condition under which a group, a rule, a tree, a leaf is known to be
    // true, or (want = false) known to be false. `nots` are the groups around
    // it that negate: what is not in force never helps.
    group(group, organization, want, nots) {
        const members = this.members.get(group.id) || [];
        const inside = nots + (group.combine_logic === 'not' ? 1 : 0);
        if (members.length === 0) return (nots % 2 === 1) === want;
        const each = wanted => members.map(m => m.rule_id ? this.rule(this.rules.get(m.rule_id), organization, wanted, inside)
            : this.group(this.groups.get(m.child_group_id), organization, wanted, inside));
        if (group.combine_logic === 'not') return want ? and(each(false)) : or(each(true));
        return (group.combine_logic === 'and') === want ? and(each(want)) : or(each(want));
    }

    rule(rule, organization, want, nots) {
        if (!rule.in_force) return (nots % 2 === 1) === want;
        const target = targetOf(rule);
        const meant = fits(target, this.implied.type, this.implied.actions) ? true : { target };
        const cond = rule.conditions === null ? want : this.tree(rule.conditions, organization, want);
        return want ? and([meant, cond]) : or([not(meant), cond]);
    }

    tree(node, organization, want) {
        if (typeof node === 'boolean') return node === want;
        const logic = node.logic || ['and', 'or', 'not'].find(l => node[l] !== undefined);
        if (!logic) return this.leaf(node, organization, want);
        const children = [].concat(node.logic ? node.conditions : node[logic]);
        const each = wanted => children.map(c => this.tree(c, organization, wanted));
        if (logic === 'not') return want ? and(each(false)) : or(each(true));
        return (logic === 'and') === want ? and(each(want)) : or(each(want));
    }

    leaf(node, organization, want) {
        const left = this.operand(node.attribute || node.attr, organization, node.path);
        let op = OPERATORS[node.operator || node.op];
        const literal = node.value === undefined ? node.val : node.value;

        if (op === 'exists') return want === literal ? { has: left } : not({ has: left });
        if (!op) throw new Error('operator ' + (node.operator || node.op) + ' is not provided for');
        if (NEGATED[op]) {
            op = NEGATED[op];
            want = !want;
        }
        let right;
        if (literal && literal.ref) right = this.operand(literal.ref, organization);
        else if (typeof literal === 'string' && literal.startsWith('$')) right = this.operand(literal.slice(1), organization);
        else right = { value: toValue(literal, left.type) };
        if (op === 'in_cidr') right = { value: [].concat(right.value) };
        return and([
            ...[left, right].filter(o => o.root && !o.always).map(o => ({ has: o })),
            { op, left, right, negate: !want },
        ]);
    }

    operand(name, organization, path) {
        const [first, ...rest] = name.split('.');
        const root = ROOTS[first];
        const canonical = root + '.' + rest.join('.');
        const definition = this.definition(canonical, organization);
        const inner = path ? path.replace(/^\$\.?/, '').split('.') : [];
        const operand = {
            root, path: [...rest, ...inner], name: [root, ...rest, ...inner].join('.'), type: inner.length > 0 ? null : typeOf(canonical, definition),
            always: BUILT_IN.has(canonical) || (inner.length === 0 && !!definition && definition.default_value !== null) || canonical === 'user.teams',
            multiple: !!definition && definition.is_multivalued,
        };
        if (root === 'user') this.userAttributes.set(rest[0], operand);
        return operand;
    }

    definition(name, organization) {
        const found = this.definitions.get(name) || [];
        return found.find(d => d.organization_id === organization) || found.find(d => d.organization_id === null);
    }
}

function targetOf(row) {
    if (row.action !== undefined)                               // a permission
        return { type: row.resource_type === '*' ? null : row.resource_type, actions: row.action === '*' ? null : [row.action] };
    return {
        type: row.resource_type === '*' ? null : row.resource_type,
        actions: row.target_actions === null || row.target_actions.includes('*') ? null : row.target_actions,
    };
}

function typeOf(name, definition) {
    if (name === 'env.now') return 'date';
    if (name === 'env.time_of_day') return 'time';
    return definition ? definition.data_type : null;
}

// Dates become milliseconds, times of day minutes.
function toValue(value, type) {
    if (Array.isArray(value)) return value.map(v => toValue(v, type));
    if (type === 'date') return Date.parse(value);
    if (type === 'time') return minutes(value);
    return value;
}

// Without the tests of presence that an engine's own comparisons include: in
// and [has x, x op y], where a missing x makes x op y false anyway.
function withoutPresence(cond, ops) {
    if (cond.or) return { or: cond.or.map(c => withoutPresence(c, ops)) };
    if (cond.not) return { not: withoutPresence(cond.not, ops) };
    if (!cond.and) return cond;
    const tested = cond.and.filter(c => c.op && !c.negate && ops.includes(c.op)).flatMap(c => [c.left, c.right]);
    return and(cond.and.filter(c => !tested.includes(c.has)).map(c => withoutPresence(c, ops)));
}

module.exports = { World, withoutPresence };
