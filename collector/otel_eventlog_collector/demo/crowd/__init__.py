"""Simulated users: they use the apps over HTTP only, and can write down what they did.

`ledger` is where they write, `visitor` one person's HTTP client, `shop_visits` and `mobile_visits`
what people do, `crowd` many of them at once.
"""
