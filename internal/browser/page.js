// What a login needs to see and do in a page. It is evaluated in a world of its own:
// it shares the page's elements and none of its scripts, and the page cannot see it.
// Nothing in it takes longer, or returns more, because a page is larger.
(operation, form, index, values, expected) => {
  const mostMatches = 200; // of one selector
  const mostNodes = 20000; // of one text
  const mostText = 20000; // characters of the page
  const mostRefusal = 4000; // characters of one refusal
  const mostRefusals = 20;

  const ancestors = (element) => {
    const found = [];
    for (let e = element; e; e = e.parentElement) found.push(e);
    return found;
  };

  const opacity = (element) => ancestors(element).reduce((seen, e) => seen * getComputedStyle(e).opacity, 1);

  // Where nobody scrolls to: before the page's beginning, or far from its other end.
  const isAside = ({ left, top, right, bottom }) =>
    right + scrollX <= 0 || bottom + scrollY <= 0 || left + scrollX > 3000 || top + scrollY > 9000;

  const isShown = (element) => {
    const box = element.getBoundingClientRect();
    return (
      element.getClientRects().length > 0 &&
      element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
      opacity(element) >= 0.1 &&
      !isAside(box)
    );
  };

  const matching = (selectors) => selectors.flatMap((selector) => Array.prototype.slice.call(document.querySelectorAll(selector), 0, mostMatches));
  const allShown = (selectors) => matching(selectors).filter(isShown);

  // What lies over an element without hiding it: what belongs to it, what one can see
  // through, and a banner or dialog that a person would close.
  const isHarmless = (cover, element) =>
    cover.contains(element) ||
    element.contains(cover) ||
    cover.closest("label")?.control === element ||
    opacity(cover) < 0.1 ||
    ancestors(cover).some(
      (e) => !e.contains(element) && ["fixed", "sticky"].includes(getComputedStyle(e).position),
    );

  // isInSight tells whether a person can see a field and type into it: it is neither
  // tiny nor clipped away, and lies under nothing.
  const isInSight = (element) => {
    let box = element.getBoundingClientRect();
    if (!isShown(element) || element.matches(":disabled") || box.width < 4 || box.height < 4) return false;
    if (box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth) {
      element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
      box = element.getBoundingClientRect();
    }
    const stacks = [[0.5, 0.5], [0.2, 0.5], [0.8, 0.5], [0.5, 0.25], [0.5, 0.75]]
      .map(([x, y]) => document.elementsFromPoint(box.left + x * box.width, box.top + y * box.height))
      .filter((stack) => stack.includes(element));
    return stacks.length >= 3 && stacks.some(([top]) => isHarmless(top, element));
  };

  // Marks of what is not meant for people. A dialog may put one on the whole page
  // behind it: what all fields share tells nothing.
  const marksOf = (element) => [
    ...(element.closest("[aria-hidden=true]") ? ["aria-hidden"] : []),
    ...(element.tabIndex < 0 ? ["tabindex"] : []),
  ];
  const candidates = form.fields.map((selectors) => matching(selectors).filter(isInSight));
  const marks = candidates.flat().map(marksOf);
  const shared = (marks[0] ?? []).filter((mark) => marks.every((of) => of.includes(mark)));
  const meant = candidates.map((of) => of.filter((element) => marksOf(element).every((mark) => shared.includes(mark))));

  // Whether a person is told what to write into a field.
  const isNamed = (element) =>
    [...(element.labels ?? [])].some((label) => isShown(label) && label.innerText.trim() !== "") ||
    ["placeholder", "title", "aria-label", "aria-labelledby"].some((name) => element.getAttribute(name)?.trim());

  // The order in which the Tab key visits fields.
  const tabOrder = [...new Set(meant.flat())].sort(
    (a, b) =>
      (a.tabIndex > 0 ? a.tabIndex : Infinity) - (b.tabIndex > 0 ? b.tabIndex : Infinity) ||
      (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1),
  );

  // The element of which the most questions are true, an earlier question counting
  // more than all later ones. Among equals the first one wins.
  const best = (elements, ...questions) => {
    let left = elements;
    for (const question of questions) {
      const fit = left.filter(question);
      if (fit.length > 0) left = fit;
    }
    return left[0];
  };
  const isWritable = (element) => !element.readOnly;

  // Of several elements in sight, a field is the one that belongs to the password: it
  // is in the same form, says what it is for, and comes next before it in the tab
  // order, or next after it.
  const password = best(meant.flat().filter((element) => element.type === "password"), isWritable, isNamed);
  const place = tabOrder.indexOf(password);
  const byNearness = [...tabOrder.slice(0, place).reverse(), ...tabOrder.slice(place)];
  const belonging = (of) =>
    best(
      byNearness.filter((element) => of.includes(element)),
      (element) => element.form === password.form,
      isWritable,
      isNamed,
    );
  const fields = meant.map((of) => {
    if (!password) return best(of, isWritable);
    return of.includes(password) ? password : belonging(of);
  });
  const field = fields[index];

  // The button is the one of the form that the fields are in, where they are in one:
  // a page may have others, such as that of a search.
  const buttons = allShown(form.submit);
  const owner = password?.form ?? fields.find((element) => element?.form)?.form;
  const isInside = (element) => owner && Node.prototype.contains.call(owner, element); // a field may be called "contains"
  const button = buttons.find(isInside) ?? buttons[0];

  // Where the form is sent to, as the browser understands it; a field may be called "action".
  const getter = (type, name) => Object.getOwnPropertyDescriptor(type.prototype, name).get;
  const action = () => {
    if (button?.hasAttribute("formaction")) return getter(button.constructor, "formAction").call(button);
    const sent = button?.form ?? owner;
    return sent ? getter(HTMLFormElement, "action").call(sent) : "";
  };

  // What an element says, at most so many characters of it. Of one that says much, or that
  // has very many parts, it is the texts of the first ones, as they are written.
  const textOf = (element, most) => {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    const texts = [];
    let length = 0;
    let nodes = 0;
    while (length <= 2 * most && nodes < mostNodes && walker.nextNode()) {
      nodes++;
      const node = walker.currentNode;
      if (node.nodeType !== Node.TEXT_NODE) continue;
      length += node.length;
      if (node.parentElement?.checkVisibility() && !node.parentElement.matches("script, style")) {
        texts.push(node.substringData(0, most));
      }
    }
    const isWhole = length <= 2 * most && nodes < mostNodes;
    const drawn = isWhole ? [...element.querySelectorAll("svg text")].filter((text) => text.checkVisibility()).map((text) => text.textContent) : [];
    return [isWhole ? element.innerText : texts.join("\n"), ...drawn].join("\n").slice(0, most);
  };

  const refusals = () =>
    allShown(form.refusals)
      .slice(0, mostRefusals)
      .map((element) => textOf(element, mostRefusal).trim())
      .filter((text) => text !== "");

  const lines = () => (document.body ? textOf(document.body, mostText) : "").split("\n");

  // The fields that were read last: what is submitted must be in these very elements.
  const readFields = (globalThis.readFields ??= []);

  const focus = (element) => {
    element?.focus();
    return element !== undefined && document.activeElement === element;
  };

  const operations = {
    // look answers what there is to see of the form.
    look: () => ({
      url: location.href,
      ready: document.readyState,
      fields: fields.map((element) => element !== undefined),
      submit: button !== undefined,
      enabled: button !== undefined && !button.disabled,
      challenge: allShown(form.challenges).length > 0,
      entry: allShown(["input, textarea, select"]).length > 0,
      refusals: refusals().filter((text) => !globalThis.oldRefusals?.includes(text)),
      action: action(),
    }),

    // forget makes look and text ignore what this document shows already.
    forget: () => {
      globalThis.oldRefusals = refusals();
      globalThis.oldLines = lines();
    },

    // text answers what the page says.
    text: () =>
      lines()
        .filter((line) => !globalThis.oldLines?.includes(line))
        .join("\n")
        .slice(0, 4000),

    // read answers what a field holds.
    read: () => {
      readFields[index] = field;
      return { value: (field?.value ?? "").slice(0, mostText), type: field?.type ?? "" };
    },

    // write types a value into a field, in the place of what is in it. No other
    // element can get it: the focus is looked at and the value typed in one go. Nor can
    // another site's page.
    write: () => {
      if (location.origin !== expected.origin || !focus(field)) return false;
      field.select?.();
      return values[index] === "" ? document.execCommand("delete") : document.execCommand("insertText", false, values[index]);
    },

    // press gives the button the focus, or clicks what cannot have it, if the fields
    // that were read hold the values and the form is sent where it was. It answers
    // whether they do, and whether the Enter key will do the rest.
    press: () => {
      const isHeld = fields.every((element, i) => !element || (element === readFields[i] && element.value === values[i]));
      if (!isHeld || location.origin !== expected.origin || action() !== expected.action) return { held: false, key: false };
      const isButton = button instanceof HTMLButtonElement || button instanceof HTMLInputElement;
      if (focus(button) && isButton) {
        globalThis.keySeen = false;
        addEventListener("keydown", () => (globalThis.keySeen = true), { capture: true, once: true });
        globalThis.pressedButton = button;
        return { held: true, key: true };
      }
      button?.click();
      return { held: true, key: false };
    },

    // unfilled tells the first field that keeps the browser from submitting the form.
    unfilled: () => {
      const pressed = globalThis.pressedButton ?? button;
      const whole = pressed?.form;
      if (!whole || whole.noValidate || pressed.formNoValidate) return { found: false };
      const field = [...whole.elements].find((element) => element.willValidate && !element.validity.valid);
      if (!field) return { found: false };
      return { found: true, missing: field.validity.valueMissing, name: (field.getAttribute("name") || field.id).slice(0, 80) };
    },

    // click presses the button where a frame took the focus, and with it the Enter key.
    click: () => {
      if (globalThis.keySeen || document.activeElement?.tagName !== "IFRAME") return;
      globalThis.keySeen = true;
      globalThis.pressedButton.click();
    },
  };
  return operations[operation]();
}
