// Cedar, compiled to WebAssembly: the policies are parsed before the first
// request, the entities (the user, their groups, the resource) come with each,
// as its interface wants it. Of two policies that match, forbid wins whatever
// their order, so an allow of a higher rank becomes an exception ("unless").
'use strict';

const v8 = require('node:v8');
const cedar = require('@cedar-policy/cedar-wasm/nodejs');

// With calls of WebAssembly inlined, Node.js 20 may abort in one that gives
// back a reference ("unreachable code" in the deoptimizer).
v8.setFlagsFromString('--no-turbo-inline-js-wasm-calls');

const COMPARE = { eq: '==', lt: '<', lte: '<=', gt: '>', gte: '>=' };
const literal = value => Array.isArray(value) ? '[' + value.map(literal).join(', ') + ']' : JSON.stringify(value);
const member = group => `principal in Group::${JSON.stringify(group)}`;

function operand(o) {
    if (o.root === undefined) return literal(o.value);
    if (o.root === 'user' && o.path[0] === 'id') return 'principal.name';
    return { user: 'principal', resource: 'resource', env: 'context.env', context: 'context.context' }[o.root] + '.' + o.path.join('.');
}

function expression(cond) {
    if (typeof cond === 'boolean') return String(cond);
    if (cond.and) return '(' + cond.and.map(expression).join(' && ') + ')';
    if (cond.or) return '(' + cond.or.map(expression).join(' || ') + ')';
    if (cond.not) return '!(' + expression(cond.not) + ')';
    if (cond.target) return scope(cond.target).join(' && ') || 'true';
    if (cond.has) {
        const full = operand(cond.has);
        const path = cond.has.path.join('.');
        return `(${full.slice(0, -path.length - 1)} has ${path})`;
    }
    const a = operand(cond.left), b = operand(cond.right);
    const text = COMPARE[cond.op] ? `${a} ${COMPARE[cond.op]} ${b}` :
        cond.op === 'between' ? `${a} >= ${cond.right.value[0]} && ${a} <= ${cond.right.value[1]}` :
        cond.op === 'in' ? `${b}.contains(${a})` :
        cond.op === 'contains' ? `${a}.contains(${b})` :
        cond.op === 'is_superset' ? `${a}.containsAll(${b})` :
        cond.op === 'starts_with' ? `${a} like ${JSON.stringify(cond.right.value + '*')}` :
        cond.op === 'in_cidr' ? cond.right.value.map(n => `${a}.isInRange(ip(${JSON.stringify(n)}))`).join(' || ') : null;
    if (text === null) throw new Error('no operator ' + cond.op);
    return cond.negate ? `!(${text})` : `(${text})`;
}

const action = a => `Action::${JSON.stringify(a)}`;
const scope = ({ type, actions }) => [
    ...(type === null ? [] : [`resource is ${type}`]),
    ...(actions === null ? [] : [`action in [${actions.map(action).join(', ')}]`]),
];

function policy(statement, world) {
    const { type, actions } = statement;
    const head = [
        member(statement.group),
        actions === null ? 'action' : actions.length === 1 ? `action == ${action(actions[0])}` : `action in [${actions.map(action).join(', ')}]`,
        type === null ? 'resource' : `resource is ${type}`,
    ];
    const when = statement.cond === true ? '' : ` when { ${expression(statement.cond)} }`;
    const before = statement.effect === 'deny' ? world.overrides(statement) : [];
    const unless = before.map(s => ` unless { ${[member(s.group), ...scope(s), expression(s.cond)].join(' && ')} }`).join('');
    return `${statement.effect === 'deny' ? 'forbid' : 'permit'} (${head.join(', ')})${when}${unless};`;
}

const withAddress = env => env.ip === undefined ? env : { ...env, ip: { __extn: { fn: 'ip', arg: env.ip } } };

module.exports = {
    name: 'Cedar',
    async build(world) {
        const parsed = cedar.preparsePolicySet('bench', { staticPolicies: world.statements.map(s => policy(s, world)).join('\n') });
        if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed).slice(0, 2000));
        const users = new Map();
        const entitiesOf = principal => {
            let found = users.get(principal);
            if (!found) {
                const { id, ...attributes } = principal.attributes;
                const parents = principal.groups.map(g => ({ type: 'Group', id: g }));
                users.set(principal, found = {
                    entity: { uid: { type: 'User', id: principal.key }, attrs: { name: id, ...attributes }, parents },
                    groups: parents.map(uid => ({ uid, attrs: {}, parents: [] })),
                });
            }
            return found;
        };
        const calls = new WeakMap();                            // a request as Cedar wants it
        const call = request => {
            let found = calls.get(request);
            if (!found) {
                const user = entitiesOf(world.principal(request.user, request.scope));
                const resource = { type: request.type, id: request.resource.id || '' };
                calls.set(request, found = {
                    principal: user.entity.uid, action: { type: 'Action', id: request.action }, resource,
                    context: { env: withAddress(request.env), context: request.context },
                    preparsedPolicySetId: 'bench',
                    entities: [user.entity, ...user.groups, { uid: resource, attrs: request.resource, parents: [] }],
                });
            }
            return found;
        };
        const check = request => {
            const answer = cedar.statefulIsAuthorized(call(request));
            if (answer.type !== 'success' || answer.response.diagnostics.errors.length > 0)
                throw new Error(JSON.stringify(answer).slice(0, 2000));
            return answer.response.decision === 'allow';
        };
        return { check };
    },
};
