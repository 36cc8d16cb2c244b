// CASL: an ability per user and scope, made of the statements for the user's
// groups. What is known of the user is put into the rules when they are made,
// so a change of an attribute makes them stale, too. A later rule goes before
// an earlier one, which gives priorities; $and, $or, $nor, $prefix, $network
// and $below (another field) aren't among an ability's own operators.
'use strict';

const { createMongoAbility, buildMongoQueryMatcher, subject } = require('@casl/ability');
const { $and, $or, $nor, and, or, nor, FieldCondition } = require('@ucast/mongo2js');
const { parseNetwork } = require('./handwritten.js');
const { withoutPresence } = require('./world.js');

const networks = new Map();                                     // parsed once
function network(text) {
    let found = networks.get(text);
    if (!found) networks.set(text, found = parseNetwork(text));
    return found;
}

const field = (make = x => x) => ({ type: 'field', parse: (instruction, value, { field }) => new FieldCondition(instruction.name, field, make(value)) });
const matcher = buildMongoQueryMatcher(
    {
        $and, $or, $nor,
        $prefix: field(),
        $network: field(list => list.map(network)),
        $below: field(),
    },
    {
        and, or, nor,
        prefix: (node, object, { get }) => get(object, node.field)?.startsWith(node.value) ?? false,
        network: (node, object, { get }) => {
            const address = get(object, node.field);
            return address !== undefined && node.value.some(n => n(address));
        },
        below: (node, object, { get }) => get(object, node.field) < get(object, node.value),
    });

const ALL = ['eq', 'lt', 'lte', 'gt', 'gte', 'between', 'in', 'contains', 'is_superset', 'starts_with', 'in_cidr'];
const MIRRORED = { eq: 'eq', lt: 'gt', gt: 'lt', lte: 'gte', gte: 'lte' };
const known = operand => operand.root === undefined || operand.root === 'user';

// A condition as a function of the principal that gives true, false or a query.
// What doesn't depend on the principal is made once.
function compile(cond) {
    if (!speaksOfUser(cond)) {
        const once = c => query(c, once);
        const fixed = once(cond);
        return () => fixed;
    }
    if (cond.and || cond.or || cond.not) {
        const inner = new Map((cond.and || cond.or || [cond.not]).map(c => [c, compile(c)]));
        return principal => query(cond, c => inner.get(c)(principal));
    }
    return principal => query(cond, null, principal);
}

const speaksOfUser = cond => typeof cond !== 'boolean' &&
    [cond.has, cond.left, cond.right].some(o => o && o.root === 'user') || [cond.and, cond.or, cond.not].flat().some(c => c && speaksOfUser(c));

function query(cond, inner, principal) {
    if (typeof cond === 'boolean') return cond;
    if (cond.and || cond.or) {
        const all = cond.and !== undefined;
        const parts = [];
        for (const c of cond.and || cond.or) {
            const part = inner(c);
            if (part === !all) return !all;
            if (part !== all) parts.push(part);
        }
        return parts.length === 0 ? all : parts.length === 1 ? parts[0] : all ? together(parts) : { $or: parts };
    }
    if (cond.not) return opposite(inner(cond.not));
    if (cond.target) {
        const { type, actions } = cond.target;
        return { $and: [...(type === null ? [] : [{ 'resource.type': type }]), ...(actions === null ? [] : [{ 'context.action': { $in: actions } }])] };
    }
    if (cond.has) {
        if (cond.has.root === 'user') return valueOf(cond.has, principal) !== undefined;
        return { [name(cond.has)]: { $exists: true } };
    }
    const found = leaf(cond, principal);
    return cond.negate ? opposite(found) : found;
}

// One query, as one would write it, where no two speak of the same field.
function together(parts) {
    const found = {};
    for (const part of parts)
        for (const key in part) {
            if (key in found) return { $and: parts };
            found[key] = part[key];
        }
    return found;
}

const opposite = found => typeof found === 'boolean' ? !found : { $nor: [found] };
const name = operand => operand.name;
const valueOf = (operand, principal) => operand.root === undefined ? operand.value : principal.attributes[operand.path[0]];

function leaf({ op, left, right }, principal) {
    if (known(left) && known(right)) {
        const a = valueOf(left, principal), b = valueOf(right, principal);
        if (a === undefined || b === undefined) return false;
        switch (op) {
            case 'eq': return a === b;
            case 'gte': return a >= b;
            case 'lte': return a <= b;
            case 'in': return b.includes(a);
            case 'contains': return a.includes(b);
            case 'is_superset': return b.every(x => a.includes(x));
        }
    } else if (known(left)) {
        if (MIRRORED[op]) return leaf({ op: MIRRORED[op], left: right, right: left }, principal);
    } else if (!known(right)) {
        if (op === 'lt') return { [name(left)]: { $below: name(right) } };
    } else {
        const value = valueOf(right, principal);
        if (value === undefined) return false;
        switch (op) {
            case 'eq': case 'lt': case 'lte': case 'gt': case 'gte': case 'in':
                return { [name(left)]: op === 'eq' ? value : { ['$' + op]: value } };
            case 'between': return { [name(left)]: { $gte: value[0], $lte: value[1] } };
            case 'contains': return { [name(left)]: { $all: [value] } };
            case 'is_superset': return { [name(left)]: { $all: value } };
            case 'starts_with': return { [name(left)]: { $prefix: value } };
            case 'in_cidr': return { [name(left)]: { $network: value } };
        }
    }
    throw new Error(`no operator ${op} of ${left.root} and ${right.root}`);
}

module.exports = {
    name: 'CASL',
    async build(world) {
        const byGroup = new Map();
        world.statements.forEach((s, order) => {
            if (!byGroup.has(s.group)) byGroup.set(s.group, []);
            byGroup.get(s.group).push({
                order,
                conditions: compile(withoutPresence(s.cond, ALL)),
                rule: { action: s.actions || 'manage', subject: s.type || 'all', inverted: s.effect === 'deny' },
            });
        });
        const make = principal => {
            const found = principal.groups.flatMap(g => byGroup.get(g) || []).sort((a, b) => b.order - a.order);
            const rules = [];
            for (const { conditions, rule } of found) {         // the last goes first
                const needed = conditions(principal);
                if (needed === false) continue;
                rules.push(needed === true ? rule : { ...rule, conditions: needed });
            }
            return createMongoAbility(rules, { conditionsMatcher: matcher });
        };
        const objects = new WeakMap();                          // a request as CASL wants it
        const object = request => {
            let found = objects.get(request);
            if (!found) objects.set(request, found = subject(request.type, { resource: request.resource, env: request.env, context: request.context }));
            return found;
        };
        const abilities = new Map();
        const kept = request => {
            const principal = world.principal(request.user, request.scope);
            let ability = abilities.get(principal);
            if (!ability) abilities.set(principal, ability = make(principal));
            return ability.can(request.action, object(request));
        };
        const fresh = request => make(world.principal(request.user, request.scope)).can(request.action, object(request));
        return {
            variants: [
                { name: 'CASL, rules of the user kept', check: kept },
                { name: 'CASL, rules made for the request', check: fresh },
            ],
        };
    },
};
