// parts lists the fields, buttons and frames that a page shows, without any value.
function parts() {
  const most = 40; // parts
  const mostNodes = 20000;
  const mostText = 80; // characters of one text
  const interesting = "input,select,textarea,button,[role=button],[role=textbox],[contenteditable=true],iframe,frame";

  const short = (text) => (text ?? "").replace(/\s+/g, " ").trim().slice(0, mostText);
  const attribute = (element, name) => short(element.getAttribute(name));
  const isButton = (element) =>
    element instanceof HTMLButtonElement || element.getAttribute("role") === "button" || (element instanceof HTMLInputElement && /^(submit|button|image|reset)$/.test(element.type));

  // A button says what it is for itself, and a field beside it. What is in a field is never read.
  const labelText = (label) => {
    const copy = label.cloneNode(true);
    for (const field of copy.querySelectorAll("select,textarea,script,style")) field.remove();
    return short(copy.textContent);
  };
  const labelOf = (element) => {
    const texts = [...(element.labels ?? [])].map(labelText);
    const root = element.getRootNode();
    for (const id of (element.getAttribute("aria-labelledby") ?? "").split(/\s+/)) {
      const named = id && root.getElementById?.(id);
      if (named) texts.push(short(named.innerText));
    }
    texts.push(attribute(element, "aria-label"), attribute(element, "placeholder"), attribute(element, "title"), attribute(element, "alt"));
    if (isButton(element)) texts.unshift(element instanceof HTMLInputElement ? attribute(element, "value") : short(element.innerText));
    return texts.find((text) => text !== "") ?? "";
  };

  const kindOf = (element) => {
    if (element instanceof HTMLInputElement) return element.type;
    if (element instanceof HTMLButtonElement) return element.type === "submit" ? "submit button" : "button";
    if (element.getAttribute("role")) return attribute(element, "role");
    return element.localName;
  };

  const isShown = (element) => element.getClientRects().length > 0 && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  const found = [];
  let left = 0;
  let nodes = 0;
  const visit = (root, isInShadow) => {
    for (const element of root.querySelectorAll("*")) {
      if (++nodes > mostNodes) return;
      if (element.matches(interesting) && element.type !== "hidden") {
        if (found.length === most) left++;
        else
          found.push({
            kind: kindOf(element),
            name: attribute(element, "name"),
            id: attribute(element, "id"),
            label: labelOf(element),
            source: element instanceof HTMLIFrameElement ? element.src : "",
            hidden: !isShown(element),
            disabled: element.matches(":disabled"),
            shadow: isInShadow,
            required: element.required === true,
          });
      }
      if (element.shadowRoot) visit(element.shadowRoot, true);
    }
  };
  visit(document, false);
  return { url: location.href, parts: found, left };
}
