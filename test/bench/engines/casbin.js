// Casbin: one row per statement, in the order of their ranks, and the effect
// that takes the first row that matches. A row's condition is a text that the
// matcher evaluates.
'use strict';

const { newEnforcer, newModelFromString } = require('casbin');
const { withoutPresence } = require('./world.js');

const MODEL = `
[request_definition]
r = sub, dom, req
[policy_definition]
p = grp, type, act, cond, eft
[role_definition]
g = _, _, _
[policy_effect]
e = priority(p.eft) || deny
[matchers]
m = (p.type == "*" || r.req.type == p.type) && acts(p.act, r.req.action) && g(r.sub.id, p.grp, r.dom) && eval(p.cond)
`;

const FUNCTIONS = {
    acts: (actions, action) => actions === '*' || actions.split(' ').includes(action),
    has: value => value !== undefined,
    among: (value, ...list) => list.includes(value),
    contains: (list, value) => list.includes(value),
    superset: (list, ...wanted) => wanted.every(x => list.includes(x)),
    prefix: (text, start) => text.startsWith(start),
};
const COMPARE = { eq: '==', lt: '<', lte: '<=', gt: '>', gte: '>=' };

function operand(o) {
    if (o.root === undefined) return JSON.stringify(o.value);
    if (o.root === 'user') return 'r.sub.' + o.path[0];
    return `r.req.${o.root}.${o.path.join('.')}`;
}

function expression(cond) {
    if (typeof cond === 'boolean') return String(cond);
    if (cond.and) return '(' + cond.and.map(expression).join(' && ') + ')';
    if (cond.or) return '(' + cond.or.map(expression).join(' || ') + ')';
    if (cond.not) return '!(' + expression(cond.not) + ')';
    if (cond.has) return `has(${operand(cond.has)})`;
    if (cond.target) {
        const { type, actions } = cond.target;
        return expression({
            and: [type === null ? true : { op: 'eq', left: { root: 'resource', path: ['type'] }, right: { value: type } },
                actions === null ? true : { op: 'in', left: { root: 'context', path: ['action'] }, right: { value: actions } }],
        });
    }
    const a = operand(cond.left), b = operand(cond.right);
    const list = () => cond.right.value.map(v => JSON.stringify(v));
    const text = COMPARE[cond.op] ? `(${a} ${COMPARE[cond.op]} ${b})` :
        cond.op === 'between' ? `(${a} >= ${list()[0]} && ${a} <= ${list()[1]})` :
        cond.op === 'in' ? `among(${a}, ${list().join(', ')})` :
        cond.op === 'contains' ? `contains(${a}, ${b})` :
        cond.op === 'starts_with' ? `prefix(${a}, ${b})` :
        cond.op === 'is_superset' ? `superset(${a}, ${list().join(', ')})` :
        cond.op === 'in_cidr' ? '(' + list().map(n => `ipMatch(${a}, ${n})`).join(' || ') + ')' : null;
    if (text === null) throw new Error('no operator ' + cond.op);
    return cond.negate ? `!(${text})` : text;
}

module.exports = {
    name: 'Casbin',
    async build(world, { requests }) {
        const enforcer = await newEnforcer(newModelFromString(MODEL));
        for (const [name, f] of Object.entries(FUNCTIONS)) enforcer.addFunction(name, f);
        await enforcer.addPolicies(world.statements.map(s =>
            [s.group, s.type || '*', s.actions ? s.actions.join(' ') : '*', expression(withoutPresence(s.cond, Object.keys(COMPARE))), s.effect]));
        const groups = new Map();
        for (const { user, scope } of requests)
            for (const group of world.principal(user, scope).groups) groups.set([user, group, scope].join('\n'), [user, group, scope]);
        await enforcer.addGroupingPolicies([...groups.values()]);
        const check = request => enforcer.enforceSync(world.principal(request.user, request.scope).attributes, request.scope, request);
        return { check };
    },
};
