// What a login needs to see and do in a page. It is evaluated in a world of its own:
// it shares the page's elements and none of its scripts, and the page cannot see it.
// Values that are typed never come in here; see Input.insertText.
(operation, argument) => {
  const isShown = (element) =>
    element.getClientRects().length > 0 &&
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  const allShown = (selectors) =>
    selectors.flatMap((selector) => [...document.querySelectorAll(selector)]).filter(isShown);

  const firstShown = (selectors) => allShown(selectors)[0];

  const texts = (selectors) =>
    allShown(selectors).map((element) => element.innerText.trim()).filter((text) => text !== "");

  const operations = {
    // look answers what there is to see of a form.
    look: ({ fields, submit, refusals, challenges }) => {
      const button = firstShown(submit);
      const old = globalThis.oldRefusals ?? [];
      return {
        url: location.href,
        ready: document.readyState,
        fields: fields.map((selectors) => firstShown(selectors) !== undefined),
        submit: button !== undefined,
        enabled: button !== undefined && !button.disabled,
        challenge: firstShown(challenges) !== undefined,
        refusals: texts(refusals).filter((text) => !old.includes(text)),
      };
    },

    // forget makes look ignore the refusals that this document shows already.
    forget: (refusals) => {
      globalThis.oldRefusals = texts(refusals);
    },

    // focus prepares a field for being typed into: what is in it gets replaced.
    focus: (selectors) => {
      const element = firstShown(selectors);
      element?.focus();
      element?.select?.();
      return element !== undefined && document.activeElement === element;
    },

    // read answers what a field holds.
    read: (selectors) => {
      const element = firstShown(selectors);
      return { value: element?.value ?? "", type: element?.type ?? "" };
    },

    // press gives a button the focus, or clicks what cannot have it. It answers
    // whether the Enter key will do the rest.
    press: (selectors) => {
      const element = firstShown(selectors);
      element?.focus();
      const isButton = element instanceof HTMLButtonElement || element instanceof HTMLInputElement;
      if (isButton && document.activeElement === element) {
        return true;
      }
      element?.click();
      return false;
    },
  };
  return operations[operation](argument);
}
