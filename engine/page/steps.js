
// ---- one step in words and pictures ---------------------------------------------------------------------------------

const valueOf = (place) => place && (nodes[place.node].values || [])[place.output];

function memory(node) {
  const kept = node.kept || [], names = unique(kept.map((k) => k.of ? nameOf(k.of) : 'a constant'));
  if (!node.saved_bytes) return 'Its slopes do not depend on any value: nothing has to be kept.';
  let text = 'For the way back it keeps ' + (names.length ? listed(names) : 'what it needs') + ' (' +
      bytesText(node.saved_bytes) + ')';
  if (fresh[node.id] === 0 && kept.length) text += ', which earlier steps keep already';
  return text + '.';
}

function forwardStep(node, panel) {
  panel.append(make('h2', {}, node.name + (node.leaf ? '' : ' = ' + callOf(node))));
  if (node.leaf) {
    panel.append(make(
        'p', {},
        'A leaf: the program asked for the gradient of ' + node.name +
            '. The sweep ends here, and what arrives stays here.'));
  } else {
    const inputs = node.inputs.filter(
        (p, i) => p && node.inputs.findIndex((q) => q && q.node === p.node && q.output === p.output) === i);
    panel.append(
        make('div', {class: 'things'}, ...inputs.map((p) => large(nameOf(p), p, valueOf(p), false))),
        make('div', {class: 'arrow'}, '\u2193 ' + node.operator));
  }
  panel.append(
      make('div', {class: 'things'}, ...placesOf(node).map((p) => large(nameOf(p), p, valueOf(p), false, 'f'))));
  if (!node.leaf) panel.append(make('p', {style: 'margin-top:14px'}, memory(node)));
  const users = nodes.filter((user) => user.inputs.some((p) => p && p.node === node.id)).map((user) => user.name);
  const facts = make('dl', {});
  for (const [name, text] of [
           ['shape', placesOf(node).map(shapeOf).join(' ')],
           ['used by', users.length ? listed(users) : 'nobody: a result'], ['recorded at', sourceOf(node)]])
    if (text) facts.append(make('dt', {}, name), make('dd', {class: 'mono'}, text));
  panel.append(make('h3', {}, 'About ' + node.name), facts);
}

function seeds(panel) {
  panel.append(
      make('h2', {}, listed(outputs.map(nameOf)) || 'no output'),
      make(
          'p', {},
          'Now the question is turned round: how much would the result change if this value changed? For the result ' +
              'itself the answer is known: one for one. From here on each step only multiplies and adds.'),
      make(
          'div', {class: 'things'},
          ...outputs.map(
              (p) => large('gradient of ' + nameOf(p), p, (gradientAt(p, seedStep) || {}).gradient, true, 'b'))));
}

function backwardStep(index, panel) {
  const step = sweep.steps[index], node = nodes[step.node], at = firstBack + index;
  panel.append(make('h2', {}, node.name + ' = ' + callOf(node)));
  const users = nodes.filter((user) => user.inputs.some((p) => p && p.node === node.id)).length;
  panel.append(make(
      'p', {},
      users === 0     ? node.name + ' is the result; its gradient is where the sweep began.' :
          users === 1 ? 'The one user of ' + node.name + ' has had its turn: its gradient is complete.' :
                        'All ' + users + ' users of ' + node.name +
              ' have had their turn: the sum of what they gave is its gradient.'));
  panel.append(
      make(
          'div', {class: 'things'},
          ...placesOf(node).map(
              (p) => large('gradient of ' + nameOf(p), p, (gradientAt(p, at - 1) || {}).gradient, true))),
      make('div', {class: 'arrow'}, '\u2193 adjoint of ' + node.operator));
  panel.append(make(
      'div', {class: 'things'},
      ...step.gives.map((give) => large('gradient of ' + nameOf(give), give, give.gradient, true, 'b'))));
  panel.append(make('h3', {}, 'What is added'), make('div', {class: 'rule'}, ruleOf(node)));
  for (const give of step.gives) {
    const times = givenBy(give, at),
          all = nodes.filter((user) => user.inputs.some((p) => p && p.node === give.node && p.output === give.output))
                    .length;
    const twice = node.inputs.filter((p) => p && p.node === give.node && p.output === give.output).length;
    const name = nameOf(give);
    let text = times > 1 ?
        'What ' + name + ' had is kept and this is added: ' + times + ' of its ' + all + ' users have given.' :
        all > 1 ? 'The first of ' + all + ' users to give to ' + name + '; more will be added.' :
                  '';
    if (twice > 1) text = name + ' is used twice here, so it gets both products. ' + text;
    if (text) panel.append(make('p', {}, text));
  }
  const keeps = (node.kept || []).filter((k) => k.of);
  if (keeps.length)
    panel.append(
        make('h3', {}, 'The values it kept'),
        make(
            'div', {class: 'things'},
            ...keeps
                .filter((k, i) => keeps.findIndex((o) => o.of.node === k.of.node && o.of.output === k.of.output) === i)
                .map((k) => large(nameOf(k.of), k.of, valueOf(k.of), false))));
}

function release(panel) {
  const leaves = nodes.filter((node) => node.leaf);
  panel.append(
      make('h2', {}, 'The sweep is over'),
      make(
          'p', {},
          'The gradients of the leaves are complete: this much the result would change for each of them.' +
              (sweep.releases ?
                   ' Nobody needs the kept values any more: ' + bytesText(live[lastStep - 1]) + ' are let go.' :
                   ' The kept values stay, for another sweep.')),
      make(
          'div', {class: 'things'},
          ...leaves.map(
              (node) => large(
                  'gradient of ' + node.name, {node: node.id, output: 0},
                  (gradientAt({node: node.id, output: 0}, lastStep) || {}).gradient, true, 'b'))));
}

function paintPanel() {
  const panel = make('div', {}), forward = now < count;
  const phase = forward ? `forward, step ${now + 1} of ${count}` :
      now === seedStep ? 'the turn' :
      now < lastStep   ? `backward, step ${now - seedStep} of ${sweep.steps.length}` :
                         'the end';
  panel.append(make('div', {class: 'phase ' + (forward ? 'forward' : 'backward')}, phase));
  if (forward)
    forwardStep(nodes[now], panel);
  else if (now === seedStep)
    seeds(panel);
  else if (now < lastStep)
    backwardStep(now - firstBack, panel);
  else
    release(panel);
  if (sweep.unseen)
    panel.append(make(
        'p', {style: 'margin-top:18px'},
        'This page was written from a tape alone: it knows the values that steps keep and the order of the sweep. ' +
            'A Trace would show all values and gradients.'));
  byId('panel').replaceChildren(panel);
  byId('panel').scrollTop = 0;
}

// ---- time -----------------------------------------------------------------------------------------------------------

const wide = 1000, high = 44;
const stripX = (step) => wide * (step + 0.5) / (lastStep + 1);
const text = (x, y, anchor, words) => make('text', {x, y, 'text-anchor': anchor}, words);

function paintStrip() {
  const strip = byId('strip'), width = strip.clientWidth || wide, scale = width / wide,
        x = (step) => stripX(step) * scale;
  let area = `M${x(0)} ${high}`;
  live.forEach((bytes, step) => { area += `L${x(step)} ${high - 34 * bytes / peak}`; });
  const svg = make('svg', {viewBox: `0 0 ${width} 62`});
  svg.append(
      make('rect', {x: 0, y: 4, width: x(seedStep - 0.5), height: high - 4, fill: 'var(--forward-tint)', rx: 4}),
      make('rect', {
        x: x(seedStep - 0.5),
        y: 4,
        width: width - x(seedStep - 0.5),
        height: high - 4,
        fill: 'var(--backward-tint)',
        rx: 4
      }),
      make('path', {d: area + `L${x(lastStep)} ${high}Z`, fill: 'var(--soft)', 'fill-opacity': 0.25}), make('line', {
        x1: x(now),
        x2: x(now),
        y1: 0,
        y2: high + 4,
        stroke: now < count ? 'var(--forward)' : 'var(--backward)',
        'stroke-width': 2.5
      }),
      make('circle', {
        cx: x(now),
        cy: high - 34 * live[now] / peak,
        r: 4,
        fill: now < count ? 'var(--forward)' : 'var(--backward)'
      }),
      text(4, 57, 'start', 'forward: compute and keep'), text(width - 4, 57, 'end', 'backward: multiply and add'),
      text(
          width / 2, 57, 'middle',
          'kept for the sweep: ' + bytesText(live[now]) + ' of at most ' + bytesText(Math.max(...live))));
  strip.replaceChildren(svg);
  strip.setAttribute('aria-valuenow', now);
  strip.setAttribute('aria-valuemin', 0);
  strip.setAttribute('aria-valuemax', lastStep);
}

let now = 0, timer = 0;
function go(step) {
  now = Math.max(0, Math.min(lastStep, step));
  paintRows();
  paintPanel();
  paintStrip();
  byId('first').disabled = byId('back').disabled = now === 0;
  byId('last').disabled = byId('next').disabled = now === lastStep;
  if (now === lastStep) play(false);
}
function play(on) {
  clearInterval(timer);
  timer = on ? setInterval(() => go(now + 1), Math.max(60, Math.min(900, 30000 / lastStep))) : 0;
  byId('play').textContent = on ? '\u2759\u2759 pause' : '\u25b6\ufe0e play';
}
function toggle() {
  if (!timer && now === lastStep) go(0);
  play(!timer);
}
function byHand(step) {
  play(false);
  go(step);
}

if (count === 0) {
  byId('summary').textContent = 'nothing was recorded';
} else {
  build();
  byId('first').addEventListener('click', () => byHand(0));
  byId('back').addEventListener('click', () => byHand(now - 1));
  byId('next').addEventListener('click', () => byHand(now + 1));
  byId('last').addEventListener('click', () => byHand(lastStep));
  byId('play').addEventListener('click', toggle);
  byId('help').addEventListener('click', () => {
    const note = byId('note');
    note.hidden = !note.hidden;
    byId('help').setAttribute('aria-expanded', String(!note.hidden));
  });
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const moves = {ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: lastStep};
    if (Object.hasOwn(moves, event.key))
      byHand(moves[event.key]);
    else if (event.key === ' ' && event.target.tagName !== 'BUTTON')
      toggle();
    else
      return;
    event.preventDefault();
  });
  const seek = (event) => {
    const box = byId('strip').getBoundingClientRect();
    byHand(Math.floor((lastStep + 1) * (event.clientX - box.left) / box.width));
  };
  byId('strip').addEventListener('pointerdown', (event) => {
    byId('strip').setPointerCapture(event.pointerId);
    seek(event);
  });
  byId('strip').addEventListener('pointermove', (event) => {
    if (event.buttons) seek(event);
  });
  addEventListener('resize', paintStrip);
  go(Number(location.hash.slice(1)) || 0);  // page.html#12 opens at step 12
}
