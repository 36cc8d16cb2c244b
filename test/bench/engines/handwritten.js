// By hand: the statements in a map by group, type and action, their conditions
// as closures. No library; what somebody writes who wants it fast.
'use strict';

const { isIP } = require('node:net');

const parents = { user: (r, p) => p.attributes, resource: r => r.resource, env: r => r.env, context: r => r.context };

function getter(operand) {
    if (operand.root === undefined) {
        const { value } = operand;
        return () => value;
    }
    const from = parents[operand.root];
    const [key, ...rest] = operand.path;
    if (rest.length === 0) return (r, p) => from(r, p)[key];
    return (r, p) => {
        let value = from(r, p)[key];
        for (const k of rest) value = value?.[k];
        return value;
    };
}

// An address as [bits, number], so that a network is compared by shifting.
function parseAddress(text) {
    if (isIP(text) === 4) return [32, BigInt(text.split('.').reduce((n, part) => n * 256 + Number(part), 0))];
    const [head, tail = null] = text.split('::');
    const words = part => part === '' || part === null ? [] : part.split(':');
    const front = words(head), back = words(tail);
    const middle = tail === null ? [] : Array(8 - front.length - back.length).fill('0');
    return [128, [...front, ...middle, ...back].reduce((n, w) => n * 65536n + BigInt('0x' + w), 0n)];
}

function parseNetwork(text) {
    const [address, length] = text.split('/');
    const [bits, number] = parseAddress(address);
    const shift = BigInt(bits - (length === undefined ? bits : Number(length)));
    if (bits === 32) {
        const size = 2 ** Number(shift), start = Math.floor(Number(number) / size);
        return address => {
            if (address.includes(':')) return false;
            const [a, b, c, d] = address.split('.');
            return Math.floor((((+a * 256 + +b) * 256 + +c) * 256 + +d) / size) === start;
        };
    }
    return address => {
        if (!address.includes(':')) return false;
        const [, other] = parseAddress(address);
        return other >> shift === number >> shift;
    };
}

function test(node) {
    const a = getter(node.left);
    const b = getter(node.right);

    switch (node.op) {
        case 'eq': return (r, p) => a(r, p) === b(r, p);
        case 'lt': return (r, p) => a(r, p) < b(r, p);
        case 'lte': return (r, p) => a(r, p) <= b(r, p);
        case 'gt': return (r, p) => a(r, p) > b(r, p);
        case 'gte': return (r, p) => a(r, p) >= b(r, p);
        case 'between': {
            const [low, high] = node.right.value;
            return (r, p) => a(r, p) >= low && a(r, p) <= high;
        }
        case 'in': return (r, p) => b(r, p).includes(a(r, p));
        case 'contains': return (r, p) => a(r, p).includes(b(r, p));
        case 'starts_with': return (r, p) => a(r, p).startsWith(b(r, p));
        case 'is_superset': return (r, p) => {
            const list = a(r, p);
            for (const wanted of b(r, p)) if (!list.includes(wanted)) return false;
            return true;
        };
        case 'in_cidr': {
            const networks = node.right.value.map(parseNetwork);
            if (networks.length === 1) return (r, p) => networks[0](a(r, p));
            return (r, p) => {
                const address = a(r, p);
                for (const network of networks) if (network(address)) return true;
                return false;
            };
        }
        default: throw new Error('no operator ' + node.op);
    }
}

function closure(cond) {
    if (typeof cond === 'boolean') return () => cond;
    if (cond.and || cond.or) {
        const parts = (cond.and || cond.or).map(closure);
        const decides = !cond.and;
        return (r, p) => {
            for (const part of parts) if (part(r, p) === decides) return decides;
            return !decides;
        };
    }
    if (cond.not) {
        const inner = closure(cond.not);
        return (r, p) => !inner(r, p);
    }
    if (cond.target) {
        const { type, actions } = cond.target;
        return r => (type === null || r.type === type) && (actions === null || actions.includes(r.action));
    }
    if (cond.has) {
        const get = getter(cond.has);
        return (r, p) => get(r, p) !== undefined;
    }
    const inner = test(cond);
    return cond.negate ? (r, p) => !inner(r, p) : inner;
}

module.exports = {
    name: 'JavaScript by hand',
    async build(world) {
        const byGroup = new Map();
        for (const s of world.statements) {
            const found = { rank: s.rank, deny: s.effect === 'deny', cond: closure(s.cond) };
            if (!byGroup.has(s.group)) byGroup.set(s.group, new Map());
            const byTarget = byGroup.get(s.group);
            for (const action of s.actions || ['*']) {
                const key = (s.type || '*') + ':' + action;
                if (!byTarget.has(key)) byTarget.set(key, []);
                byTarget.get(key).push(found);
            }
        }
        // the highest rank decides, and there deny wins: twice the rank, one more to deny
        const check = request => {
            const principal = world.principal(request.user, request.scope);
            const { type, action } = request;
            const keys = [type + ':' + action, type + ':*', '*:' + action, '*:*'];
            let best = -1;
            for (let g = 0; g < principal.groups.length; g++) {
                const byTarget = byGroup.get(principal.groups[g]);
                for (let k = 0; k < keys.length; k++) {
                    const list = byTarget.get(keys[k]);
                    if (list === undefined) continue;
                    for (let i = 0; i < list.length; i++) {     // highest first
                        const s = list[i];
                        const weight = s.rank * 2 + (s.deny ? 1 : 0);
                        if (weight <= best) break;
                        if (s.cond(request, principal)) best = weight;
                    }
                }
            }
            return best > 0 && best % 2 === 0;
        };
        return { check };
    },
    parseNetwork,
};
