"""The pages of the embedded target's shop: one whose script logs in and loads items, and a login by form."""

from __future__ import annotations

from functools import cache

_SHOP = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>A small shop</title><link rel="icon" href="data:,"></head>
<body>
<h1>A small shop</h1>
<p id="user">nobody is logged in</p>
<ul id="items"></ul>
<p id="cart"></p>
<script>
const json = { "Content-Type": "application/json" };
const show = (id, text) => { document.getElementById(id).textContent = text; };

async function visit() {
  const login = await fetch("/login", { method: "POST", headers: json, body: JSON.stringify({ user: "ann", password: "a" }) });
  const { access_token, user } = await login.json();
  const bearer = { Authorization: `Bearer ${access_token}` };
  show("user", `user ${user.id}`);
  const { items } = await (await fetch("/items")).json();
  for (const item of items.slice(0, 3)) {
    const { name, price } = await (await fetch(item.url, { headers: bearer })).json();
    const line = document.createElement("li");
    line.textContent = `${name}: ${price}`;
    document.getElementById("items").append(line);
  }
  await fetch("/cart", { method: "POST", headers: { ...json, ...bearer }, body: JSON.stringify({ item: items[0].id }) });
  const cart = await (await fetch("/cart")).json();
  show("cart", `in the cart: ${cart.items.length}`);
}

visit().catch((failure) => show("user", `failed: ${failure}`));
</script>
</body>
</html>
"""

_FORM = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Log in</title><link rel="icon" href="data:,"></head>
<body>
<form method="post" action="/form">
<input type="hidden" name="csrf" value="{csrf}">
<label>User <input name="user" value="ann"></label>
<label>Password <input name="password" type="password"></label>
<button>Log in</button>
</form>
</body>
</html>
"""


@cache
def shop_page() -> bytes:
    """The page of the shop."""
    return _SHOP.encode()


def form_page(csrf: str) -> bytes:
    """The login by form, with its hidden field."""
    return _FORM.format(csrf=csrf).encode()
