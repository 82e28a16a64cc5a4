const end = Date.now() + 1000 * Number(process.env.JOB_SECONDS);

// A user of Artillery keeps the row that it began with, so each request chooses one of its own.
function choose(request, context, events, next) {
  const users = context.vars.users;
  Object.assign(context.vars, users[Math.floor(Math.random() * users.length)]);
  context.vars.quantity = 1 + Math.floor(Math.random() * 5);
  return next();
}

function check(request, response, context, events, next) {
  const is_order = response.statusCode === 200 && JSON.parse(response.body).ok === true;
  return next(is_order ? undefined : new Error('no order'));
}

function lasts(context, next) {
  return next(Date.now() < end);
}

module.exports = { choose, check, lasts };
