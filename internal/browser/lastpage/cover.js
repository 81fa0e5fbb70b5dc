// cover hides on a page what was typed into it. It returns true when it has run to its end.
function cover(typed) {
  const escape = (text) => text.replace(/[.*+?^${}()|[\]\\\/]/g, "\\$&");

  // A short value, such as a number of a practice, is hidden where it stands as a word;
  // of an e-mail address, the part before the @ is hidden alone, too.
  const patterns = [];
  for (const value of typed) {
    const forms = new Set([value, value.trim(), encodeURIComponent(value), value.split("@")[0]]);
    for (const form of forms) {
      if (form.length >= 4) patterns.push(escape(form));
      else if (form) patterns.push("(?<![\\p{L}\\p{N}])" + escape(form) + "(?![\\p{L}\\p{N}])");
    }
  }
  patterns.sort((a, b) => b.length - a.length);
  const secret = patterns.length ? new RegExp(patterns.join("|"), "giu") : /(?!)/;
  const masked = (text) => text.replace(secret, "••••");

  const hidden = "input,textarea,select,[contenteditable]";
  const opaque = "iframe,frame,object,embed,canvas,video,portal";
  const style = (element, name, value) => element.style && element.style.setProperty(name, value, "important");

  function visit(root) {
    // A text may be split into nodes: "ada" and "@example.com".
    if (root.normalize) root.normalize();
    for (const element of root.querySelectorAll("*")) {
      if (element.matches(hidden)) {
        for (const name of ["color", "-webkit-text-fill-color", "caret-color"]) style(element, name, "transparent");
        style(element, "text-shadow", "none");
        if ("value" in element && element.type !== "submit" && element.type !== "button" && element.type !== "hidden") element.value = "";
      }
      if (element.matches(opaque)) style(element, "visibility", "hidden");
      for (const attribute of [...element.attributes]) {
        const text = masked(attribute.value);
        if (text !== attribute.value) attribute.value = text;
      }
      if (element.shadowRoot) visit(element.shadowRoot);
      // A text that begins in one element and ends in another cannot be masked in place.
      const children = [...element.childNodes].filter((child) => child.nodeType === 1 || child.nodeType === 3);
      if (masked(element.textContent) !== children.map((child) => masked(child.textContent)).join("")) style(element, "visibility", "hidden");
    }
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const node of texts) {
      const text = masked(node.data);
      if (text !== node.data) node.data = text;
    }
  }
  visit(document.documentElement);
  return true;
}
