"""A Flask application under a prefix that the dispatcher takes off."""

from flask import Flask
from shop_flask import app as shop
from werkzeug.middleware.dispatcher import DispatcherMiddleware

app = DispatcherMiddleware(Flask(__name__), {"/shop": shop})
