"""A FastAPI application mounted in another one."""

from fastapi import FastAPI
from shop_fastapi import app as shop

app = FastAPI()
app.mount("/api", shop)
