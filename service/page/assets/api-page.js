"use strict";
window.ui = SwaggerUIBundle({
  url: "/v1/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  // The validator badge would send the address of this service to a stranger.
  validatorUrl: null,
});
