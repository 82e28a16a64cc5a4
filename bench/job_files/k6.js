import http from 'k6/http';
import { check } from 'k6';
import { SharedArray } from 'k6/data';

const users = new SharedArray('users', () => {
  const rows = open('./users.csv').trim().split('\n').slice(1);
  return rows.map((row) => { const [id, name, email] = row.split(','); return { id, name, email }; });
});
const params = {
  headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${__ENV.JOB_TOKEN}` },
  tags: { name: 'order' },
};

export const options = { vus: Number(__ENV.JOB_CONNECTIONS), duration: `${__ENV.JOB_SECONDS}s` };

export default () => {
  const { id, name, email } = users[Math.floor(Math.random() * users.length)];
  const body = JSON.stringify({ name, email, quantity: 1 + Math.floor(Math.random() * 5) });
  const response = http.post(`${__ENV.JOB_URL}/users/${id}/orders`, body, params);
  check(response, { order: (it) => it.status === 200 && it.json('ok') === true });
};
