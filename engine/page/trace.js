'use strict';
// The page of a tape. The JSON in it follows the schema of engine/inspect.h; names and paths in it are anybody's text
// and reach the page as text only. One number, the step, decides what is shown:
//   0 .. n-1   node i is computed      n   the outputs get their gradients
//   n+1 ..     the nodes of the sweep take their turns      last   saved values are released
const tape = JSON.parse(document.getElementById('tape').textContent);
const byId = (id) => document.getElementById(id);

function make(tag, options, ...children) {
  const svg = ['svg', 'g', 'path', 'circle', 'rect', 'line', 'text'].includes(tag);
  const made = svg ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(options || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
const short = (v) => v === null ? 'not finite' : String(Number(v.toPrecision(4)));
const bytesText = (b) => b < 1000 ? b + ' B' : b < 1e6 ? short(b / 1e3) + ' kB' : short(b / 1e6) + ' MB';
const many = (count, noun) => count + ' ' + noun + (count === 1 ? '' : 's');

// ---- what the tape says ---------------------------------------------------------------------------------------------

const nodes = tape.nodes, count = nodes.length;
const outputs = (tape.outputs || []).filter((place) => place);
// A tape that no trace watched is swept in thought: every step, latest first, without pictures.
const sweep = tape.sweep || {
  seeds: [],
  releases: true,
  unseen: true,
  steps: nodes.filter((node) => !node.leaf).reverse().map((node) => {
    const gives = node.inputs.filter((place) => place).map((place) => ({...place, gradient: null}));
    return {
      node: node.id,
      gives: gives.filter((a, i) => gives.findIndex((b) => b.node === a.node && b.output === a.output) === i)
    };
  })
};
const seedStep = count, firstBack = count + 1, lastStep = firstBack + sweep.steps.length;

const nameOf = (place) => place === null ?
    'a constant' :
    nodes[place.node].name + (nodes[place.node].outputs.length > 1 ? '.' + place.output : '');
const shapeOf = (place) => {
  const output = nodes[place.node].outputs[place.output];
  return output.dtype + '[' + output.shape.join(', ') + ']';
};
const callOf = (node) => node.leaf ?
    'leaf' :
    node.operator.split('.').pop() + '(' + node.inputs.map((p) => p ? nameOf(p) : '_').join(', ') + ')';
const sourceOf = (node) => node.source ? node.source.file.split('/').pop() + ':' + node.source.line : '';
const placesOf = (node) => node.outputs.map((o, output) => ({node: node.id, output}));
const lastUse = nodes.map((node) => node.id);
for (const node of nodes)
  for (const place of node.inputs)
    if (place) lastUse[place.node] = node.id;

// Gradients over time: for each output of a node the steps at which it changed.
const history = nodes.map((node) => node.outputs.map(() => []));
const turn = nodes.map(() => lastStep);  // the step at which the sweep reaches a node; leaves at the end
outputs.forEach((place, i) => {
  const first = sweep.steps.find((step) => step.node === place.node);
  const seed = (sweep.seeds || [])[i] ||
      (nodes[place.node].outputs[place.output].shape.every((n) => n === 1) ? {numbers: [1], block: 1, finite: true} :
           first                                                           ? nodes[place.node].gradients[place.output] :
                                                                             null);
  history[place.node][place.output].push({step: seedStep, gradient: seed});
});
sweep.steps.forEach((step, i) => {
  turn[step.node] = firstBack + i;
  for (const give of step.gives)
    history[give.node][give.output].push({step: firstBack + i, gradient: give.gradient, from: step.node});
});
for (const node of nodes)
  if (node.leaf && node.gradients[0] && history[node.id][0].length === 0 && sweep.unseen)
    history[node.id][0].push({step: lastStep, gradient: node.gradients[0]});
const gradientAt = (place, step) => history[place.node][place.output].filter((event) => event.step <= step).pop();
const givenBy = (place, step) =>
    history[place.node][place.output].filter((event) => event.step <= step && event.from !== undefined).length;

// Memory: storage counts once, from the first node that keeps it to the end of the sweep.
const fresh = nodes.map(() => 0), live = [];
const storages = new Set();
for (const node of nodes)
  for (const kept of node.kept || [])
    if (!storages.has(kept.storage)) {
      storages.add(kept.storage);
      fresh[node.id] += kept.bytes;
    }
for (let step = 0, sum = 0; step <= lastStep; ++step) {
  if (step < count) sum += fresh[step];
  live.push(step === lastStep && sweep.releases ? 0 : sum);
}
const peak = Math.max(1, ...live);

// ---- thumbnails -----------------------------------------------------------------------------------------------------

const dark = matchMedia('(prefers-color-scheme: dark)').matches;
const zero = dark ? [40, 48, 60] : [243, 244, 246], up = dark ? [255, 120, 70] : [200, 50, 30],
      down = dark ? [90, 160, 255] : [35, 90, 200];

function picture(thumb, signed, width, height) {
  const canvas = make('canvas', {width: thumb.width, height: thumb.height});
  const zoom = Math.min(width / thumb.width, height / thumb.height);
  canvas.style.width = Math.max(6, Math.round(thumb.width * zoom)) + 'px';
  canvas.style.height = Math.max(6, Math.round(thumb.height * zoom)) + 'px';
  const raw = atob(thumb.picture), context = canvas.getContext('2d');
  const image = context.createImageData(thumb.width, thumb.height);
  for (let i = 0; i < thumb.width * thumb.height; ++i) {
    for (let c = 0; c < 3; ++c) {
      const byte = raw.charCodeAt(i * thumb.channels + (thumb.channels === 3 ? c : 0));
      let shown = byte;
      if (signed && thumb.channels === 1) {
        const t = (byte - 127.5) / 127.5, end = t > 0 ? up : down;
        shown = Math.abs(byte - 127.5) < 1 ? zero[c] : zero[c] + Math.sqrt(Math.abs(t)) * (end[c] - zero[c]);
      }
      image.data[4 * i + c] = shown;
    }
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function bars(thumb, signed, width, height) {
  const canvas = make('canvas', {width: 2 * width, height: 2 * height}), context = canvas.getContext('2d');
  canvas.style.width = width + 'px';
  canvas.style.height = height + 'px';
  const values = thumb.numbers.map((v) => v === null ? 0 : v), most = Math.max(0, ...values),
        least = Math.min(0, ...values);
  const unit = (2 * height - 4) / (most - least || 1), step = 2 * width / values.length,
        base = most > least ? 2 + most * unit : height;
  const css = (c) => 'rgb(' + c.join(',') + ')', ink = dark ? '#8fa3bf' : '#6b7d96';
  values.forEach((v, i) => {
    context.fillStyle = signed ? css(v > 0 ? up : down) : ink;
    const top = v > 0 ? base - v * unit : base;
    context.fillRect(i * step + 1, top, Math.max(1, step - 2), Math.max(2, Math.abs(v) * unit));
  });
  return canvas;
}

function small(thumb, signed, height) {
  if (!thumb) return '';
  if (thumb.picture !== undefined) return picture(thumb, signed, 72, height);
  if (thumb.numbers.length === 1) return make('span', {class: 'value'}, short(thumb.numbers[0]));
  return thumb.numbers.length ? bars(thumb, signed, 70, height) : make('span', {class: 'value'}, 'empty');
}

function large(title, place, thumb, signed, kind) {
  const box = make('div', {class: 'thing ' + (kind || '')}, make('span', {class: 'title mono'}, title));
  if (!thumb) {
    box.append(make('div', {class: 'scale'}, signed ? 'gradient not recorded' : 'value not recorded'));
  } else if (thumb.picture !== undefined) {
    box.append(
        picture(thumb, signed, 164, 140),
        make(
            'div', {class: 'scale'},
            signed ? '\u00b1' + short(thumb.high) : short(thumb.low) + ' \u2026 ' + short(thumb.high)));
  } else if (thumb.numbers.length === 1) {
    box.append(make('div', {class: 'value'}, short(thumb.numbers[0])));
  } else if (thumb.numbers.length <= 16 && thumb.block === 1) {
    const shape = nodes[place.node].outputs[place.output].shape, across = Math.min(4, shape[shape.length - 1] || 1);
    const table = make('table', {});
    for (let i = 0; i < thumb.numbers.length; i += across)
      table.append(make('tr', {}, ...thumb.numbers.slice(i, i + across).map((v) => make('td', {}, short(v)))));
    box.append(table);
  } else {
    const numbers = thumb.numbers.filter((v) => v !== null);
    box.append(
        bars(thumb, signed, 150, 60),
        make('div', {class: 'scale'}, short(Math.min(...numbers)) + ' \u2026 ' + short(Math.max(...numbers))));
  }
  if (thumb && !thumb.finite) box.append(make('div', {class: 'scale backward'}, 'holds NaN or infinity'));
  return box;
}

// ---- the chain rule in words ----------------------------------------------------------------------------------------

// What one step of the sweep adds to the gradients of a and b, the inputs of y; g is the gradient of y.
const rules = {
  add: ['g', 'g'],
  sub: ['g', '-g'],
  mul: ['g b', 'g a'],
  div: ['g / b', '-g a / b\u00b2'],
  pow: ['g b a^(b-1)', 'g y log a'],
  neg: ['-g'],
  square: ['2 g a'],
  sqrt: ['g / (2 y)'],
  reciprocal: ['-g y\u00b2'],
  exp: ['g y'],
  log: ['g / a'],
  sin: ['g cos a'],
  cos: ['-g sin a'],
  tanh: ['g (1 - y\u00b2)'],
  sigmoid: ['g y (1 - y)'],
  relu: ['g where a > 0, else 0'],
  abs: ['g sign a'],
  minimum: ['g where a <= b, else 0', 'g where b < a, else 0'],
  maximum: ['g where a >= b, else 0', 'g where b > a, else 0'],
  sum: ['g, repeated over what was summed'],
  mean: ['g / number of elements, repeated'],
  matmul: ['g b\u1d40', 'a\u1d40 g'],
  inverse: ['-y\u1d40 g y\u1d40'],
  reshape: ['g in the shape of a'],
  transpose: ['g transposed back'],
  permute: ['g with its axes put back'],
  expand: ['g summed over the repeats'],
  slice: ['g in its place, zero elsewhere'],
  select: ['g in its place, zero elsewhere'],
  to: ['g'],
  clone: ['g'],
  contiguous: ['g'],
  squeeze: ['g in the shape of a'],
  unsqueeze: ['g in the shape of a'],
  sample: ['splat of g: back along the same weights', 'g times the slopes of the image'],
  sample_affine: ['splat of g: back along the same weights', 'g times the slopes of the image, through the matrix'],
  sample_homography: ['splat of g: back along the same weights', 'g times the slopes of the image, through the matrix'],
};

function ruleOf(node) {
  const lines = [], letters = ['a', 'b'];
  const known = Object.hasOwn(rules, node.operator) && node.inputs.length <= 2 ? rules[node.operator] : null;
  const legend = ['g: gradient of ' + node.name, 'y: ' + node.name];
  node.inputs.forEach((place, i) => {
    if (place && known && known[i]) lines.push('to ' + nameOf(place) + ':  ' + known[i]);
  });
  if (!lines.length) return 'to each input:  slopes of ' + node.operator + ' \u00d7 gradient of ' + node.name;
  const used = lines.map((line) => line.slice(line.indexOf(':') + 1)).join(' ');
  node.inputs.forEach((place, i) => {
    if (letters[i]) legend.push(letters[i] + ': ' + nameOf(place));
  });
  return lines.join('\n') + '\n' +
      legend.filter((entry) => new RegExp('(^|[^a-z])' + entry[0] + '($|[^a-z])').test(used)).join('   ');
}

const listed = (names) =>
    names.length < 2 ? names.join('') : names.slice(0, -1).join(', ') + ' and ' + names[names.length - 1];
const unique = (things) => [...new Set(things)];

// ---- the list with its wires ----------------------------------------------------------------------------------------

const rowHeight = count <= 40 ? 46 : count <= 150 ? 36 : 28;
const lane = nodes.map(() => 0), until = [];  // a lane is taken until the last use of the value on it
for (const node of nodes) {
  let free = until.findIndex((end) => end <= node.id);
  if (free < 0) free = until.push(0) - 1;
  lane[node.id] = free;
  until[free] = lastUse[node.id];
}
const spacing = Math.max(4, Math.min(18, 320 / until.length)),
      wiresWidth = Math.round(spacing * (until.length - 1) + 34);
const laneX = (id) => 18 + spacing * lane[id], rowY = (id) => rowHeight * (id + 0.5);

const rows = [], dots = [], wires = [], shown = nodes.map(() => ({}));
function build() {
  const widest = (text, most) =>
      Math.round(7.4 * Math.min(most, Math.max(6, ...nodes.map((node) => text(node).length)))) + 'px';
  const shapes = (node) => placesOf(node).map(shapeOf).join(' ');
  const view = byId('tape-view').style;
  view.setProperty('--row', rowHeight + 'px');
  view.setProperty('--shape', widest(shapes, 30));
  view.setProperty('--source', widest(sourceOf, 24));
  byId('heads').style.paddingLeft = wiresWidth + 'px';
  byId('heads').append(
      ...['', 'step', 'shape', 'value', 'gradient', 'keeps', 'source'].map((text) => make('span', {}, text)));
  const svg = make('svg', {width: wiresWidth, height: rowHeight * count});
  for (const node of nodes)
    for (const from of unique(node.inputs.filter((p) => p).map((p) => p.node))) {
      const x0 = laneX(from), x1 = laneX(node.id), y0 = rowY(from), y1 = rowY(node.id),
            bend = Math.min(rowHeight * 0.9, y1 - y0);
      const line = x0 === x1 ? `M${x0} ${y0}V${y1}` :
                               `M${x0} ${y0}V${y1 - bend}C${x0} ${y1 - bend / 4} ${x1} ${y1 - bend} ${x1} ${y1}`;
      const path = make('path', {d: line, class: 'wire'});
      wires.push({from, to: node.id, path});
      svg.append(path);
    }
  for (const node of nodes) {
    const dot =
        make('circle', {cx: laneX(node.id), cy: rowY(node.id), r: Math.min(6, spacing * 0.36 + 1), class: 'dot'});
    dots.push(dot);
    svg.append(dot);
    const value = make('div', {class: 'cell'}), gradient = make('div', {class: 'cell'});
    const bytes = make('div', {class: 'bytes'}, node.saved_bytes ? bytesText(node.saved_bytes) : '');
    const call = make(
        'div', {class: 'call', title: node.name + ' = ' + callOf(node)}, make('b', {}, node.name),
        make('i', {}, node.leaf ? ' leaf' : ' = ' + callOf(node)));
    const row = make(
        'div', {class: 'row', style: `padding-left:${wiresWidth}px`}, make('div', {class: 'number'}, String(node.id)),
        call, make('div', {class: 'shape'}, shapes(node)), value, gradient, bytes,
        make(
            'div', {class: 'source', title: node.source ? node.source.file + ':' + node.source.line : ''},
            sourceOf(node)));
    row.addEventListener('click', () => go(now >= seedStep ? (node.leaf ? now : turn[node.id]) : node.id));
    rows.push({row, value, gradient, bytes});
    byId('rows').append(row);
  }
  byId('rows').prepend(svg);
  const leaves = nodes.filter((node) => node.leaf).length;
  byId('summary').textContent = many(count, 'node') + ', ' + (leaves === 1 ? '1 leaf' : leaves + ' leaves') +
      ', keeps ' + bytesText(peak === 1 ? 0 : peak);
}

function put(cell, id, kind, thumb, signed) {
  if (shown[id][kind] === thumb) return;
  shown[id][kind] = thumb;
  cell.replaceChildren(small(thumb, signed, rowHeight - 8));
}

function paintRows() {
  const active = now < count ? now : now >= firstBack && now < lastStep ? sweep.steps[now - firstBack].node : -1;
  for (const node of nodes) {
    const i = node.id, {row, value, gradient, bytes} = rows[i];
    const event = node.outputs.length ?
        node.outputs.map((o, k) => gradientAt({node: i, output: k}, now)).find((e) => e) :
        undefined;
    put(value, i, 'value', now >= i ? node.values && node.values.find((v) => v) : null, false);
    put(gradient, i, 'gradient', event ? event.gradient : null, true);
    row.className = 'row' + (i > now ? ' future' : '') +
        (i === active || (now === seedStep && outputs.some((p) => p.node === i)) ? ' now ' + (now < count ? 'f' : 'b') :
                                                                                   '');
    bytes.className = 'bytes' + (now === lastStep && sweep.releases ? ' freed' : '');
    bytes.style.visibility = i <= now ? '' : 'hidden';
    const swept = now >= seedStep && now >= turn[i] && event;
    dots[i].setAttribute(
        'class',
        'dot' + (node.leaf ? ' leaf' : '') +
            (swept        ? ' swept' :
                 event    ? ' given' :
                 i <= now ? ' done' :
                            '') +
            (i === active ? ' now' : ''));
  }
  for (const {from, to, path} of wires) {
    const given = now >= firstBack && turn[to] <= now && now < lastStep + 1 && !nodes[to].leaf;
    path.setAttribute(
        'class',
        'wire' +
            (to === active ? (now < count ? ' f' : ' b') :
                 given     ? ' given' :
                 to <= now ? ' done' :
                             ''));
    if (to === active) path.parentNode.insertBefore(path, dots[0]);
  }
  const target = active >= 0 ? active : now === seedStep && outputs.length ? outputs[0].node : -1;
  if (target >= 0) {
    const view = byId('tape-view'), top = rowHeight * target, low = view.scrollTop + rowHeight,
          high = view.scrollTop + view.clientHeight - 3 * rowHeight;
    if (top < low || top > high) view.scrollTop = Math.max(0, top - view.clientHeight / 2);
  }
}
