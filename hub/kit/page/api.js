// The page of the API: the hub's OpenAPI description, by domain.

import { request } from "./asking.js";
import { at, h } from "./dom.js";

const METHODS = ["get", "post", "put", "delete"];

// The schema itself, also if only a reference to it is given.
function resolved(whole, schema) {
  const name = schema?.$ref?.split("/").pop();
  return name ? whole.components.schemas[name] : schema;
}

function exampleOf(whole, holder) {
  return resolved(whole, holder?.content?.["application/json"]?.schema)?.examples?.[0];
}

function exampleBlock(title, value) {
  return value === undefined ? null : [h("h3", null, title), h("pre", null, JSON.stringify(value, null, 2))];
}

function parameterList(parameters = []) {
  if (!parameters.length) return null;
  const lines = parameters.map((one) =>
    h("li", null, h("code", null, one.name), ` in the ${one.in}${one.required ? "" : ", optional"}`),
  );
  return [h("h3", null, "Parameters"), h("ul", null, lines)];
}

function operationView(whole, path, method, operation) {
  const answer = Object.entries(operation.responses).find(([status]) => status.startsWith("2"));
  const parts = [
    parameterList(operation.parameters),
    exampleBlock("Body", exampleOf(whole, operation.requestBody)),
    exampleBlock(`Answer (${answer[0]})`, exampleOf(whole, answer[1])),
  ];
  return h(
    "details",
    { id: operation.operationId },
    h("summary", null, h("strong", null, method.toUpperCase()), h("code", null, path), h("span", null, operation.summary)),
    h("p", null, operation.description || ""),
    ...parts.filter(Boolean).flat(),
  );
}

// Operations by domain, in the description's order.
function byDomain(whole) {
  const domains = new Map();
  for (const [path, methods] of Object.entries(whole.paths)) {
    for (const method of METHODS.filter((one) => methods[one])) {
      const domain = methods[method].tags[0];
      domains.set(domain, [...(domains.get(domain) || []), operationView(whole, path, method, methods[method])]);
    }
  }
  return domains;
}

async function showDescription() {
  try {
    const whole = await request("/api/openapi.json");
    const sections = [...byDomain(whole)].map(([domain, views]) => h("section", null, h("h2", null, domain), views));
    at("operations").replaceChildren(...sections);
  } catch (problem) {
    at("problem").textContent = problem.message;
    at("problem").hidden = false;
  }
}

showDescription();
