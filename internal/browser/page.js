// What a login needs to see and do in a page. It is evaluated in a world of its own:
// it shares the page's elements and none of its scripts, and the page cannot see it.
// Values that are typed never come in here; see Input.insertText.
(operation, form, index) => {
  const isShown = (element) =>
    element.getClientRects().length > 0 &&
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  const allShown = (selectors) =>
    selectors.flatMap((selector) => [...document.querySelectorAll(selector)]).filter(isShown);

  const fields = form.fields.map((selectors) => allShown(selectors)[0]);
  const field = fields[index];

  // The button is the one of the form that the fields are in, where they are in one:
  // a page may have others, such as that of a search.
  const buttons = allShown(form.submit);
  const owner = fields.find((element) => element?.form)?.form;
  const button = buttons.find((element) => owner?.contains(element)) ?? buttons[0];

  const refusals = allShown(form.refusals)
    .map((element) => element.innerText.trim())
    .filter((text) => text !== "");

  const operations = {
    // look answers what there is to see of the form.
    look: () => ({
      url: location.href,
      ready: document.readyState,
      fields: fields.map((element) => element !== undefined),
      submit: button !== undefined,
      enabled: button !== undefined && !button.disabled,
      challenge: allShown(form.challenges).length > 0,
      refusals: refusals.filter((text) => !globalThis.oldRefusals?.includes(text)),
    }),

    // forget makes look ignore the refusals that this document shows already.
    forget: () => {
      globalThis.oldRefusals = refusals;
    },

    // focus prepares a field for being typed into: what is in it gets replaced.
    focus: () => {
      field?.focus();
      field?.select?.();
      return field !== undefined && document.activeElement === field;
    },

    // read answers what a field holds.
    read: () => ({ value: field?.value ?? "", type: field?.type ?? "" }),

    // press gives the button the focus, or clicks what cannot have it. It answers
    // whether the Enter key will do the rest.
    press: () => {
      button?.focus();
      const isButton = button instanceof HTMLButtonElement || button instanceof HTMLInputElement;
      if (isButton && document.activeElement === button) {
        return true;
      }
      button?.click();
      return false;
    },
  };
  return operations[operation]();
}
