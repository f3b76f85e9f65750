/** Makes elements from a template: whatever is put into it is text or an attribute's value, never markup. */
export { html } from 'htm/preact';
