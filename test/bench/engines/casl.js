// CASL: an ability per user and scope, made of the statements for the user's
// groups. What is known of the user is put into the rules when they are made,
// so a change of an attribute makes them stale, too. A later rule goes before
// an earlier one, which gives priorities; $and, $or, $nor, $prefix, $network
// and $below (another field) aren't among an ability's own operators.
'use strict';

const { createMongoAbility, buildMongoQueryMatcher, subject } = require('@casl/ability');
const { $and, $or, $nor, and, or, nor, FieldCondition } = require('@ucast/mongo2js');
const { parseNetwork } = require('./handwritten.js');

const field = (make = x => x) => ({ type: 'field', parse: (instruction, value, { field }) => new FieldCondition(instruction.name, field, make(value)) });
const matcher = buildMongoQueryMatcher(
    {
        $and, $or, $nor,
        $prefix: field(),
        $network: field(list => list.map(parseNetwork)),
        $below: field(),
    },
    {
        and, or, nor,
        prefix: (node, object, { get }) => get(object, node.field).startsWith(node.value),
        network: (node, object, { get }) => node.value.some(n => n(get(object, node.field))),
        below: (node, object, { get }) => get(object, node.field) < get(object, node.value),
    });

const MIRRORED = { eq: 'eq', lt: 'gt', gt: 'lt', lte: 'gte', gte: 'lte' };
const known = operand => operand.root === undefined || operand.root === 'user';

// A condition for this principal: true, false or a query.
function query(cond, principal) {
    if (typeof cond === 'boolean') return cond;
    if (cond.and || cond.or) {
        const all = cond.and !== undefined;
        const parts = (cond.and || cond.or).map(c => query(c, principal)).filter(c => c !== all);
        if (parts.includes(!all)) return !all;
        return parts.length === 0 ? all : parts.length === 1 ? parts[0] : all ? { $and: parts } : { $or: parts };
    }
    if (cond.not) return opposite(query(cond.not, principal));
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

const opposite = found => typeof found === 'boolean' ? !found : { $nor: [found] };
const name = operand => operand.root + '.' + operand.path.join('.');
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
                return { [name(left)]: { ['$' + op]: value } };
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
            byGroup.get(s.group).push({ s, order });
        });
        const make = principal => {
            const found = principal.groups.flatMap(g => byGroup.get(g) || []).sort((a, b) => b.order - a.order);
            const rules = [];
            for (const { s } of found) {                        // the last goes first
                const conditions = query(s.cond, principal);
                if (conditions === false) continue;
                const rule = { action: s.actions || 'manage', subject: s.type || 'all', inverted: s.effect === 'deny' };
                rules.push(conditions === true ? rule : { ...rule, conditions });
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
