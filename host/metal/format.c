// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "host/metal/format.h"

struct out {
	char *buf;
	size_t size, used;
};

static void put(struct out *o, char c)
{
	if (o->used + 1 < o->size)
		o->buf[o->used++] = c;
}

struct spec {
	unsigned int width;
	bool zeros, wide;
};

static void put_padded(struct out *o, const char *s, size_t length, const struct spec *spec)
{
	for (size_t i = length; i < spec->width; i++)
		put(o, spec->zeros ? '0' : ' ');
	for (size_t i = 0; i < length; i++)
		put(o, s[i]);
}

static void put_number(struct out *o, u64 value, bool negative, unsigned int base,
		       const struct spec *spec)
{
	char digits[21];
	unsigned int i = sizeof(digits);

	do {
		digits[--i] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (negative)
		digits[--i] = '-';
	put_padded(o, digits + i, sizeof(digits) - i, spec);
}

static size_t text_length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

/* What stands between % and the letter. */
static const char *read_spec(const char *p, struct spec *spec)
{
	*spec = (struct spec){ .zeros = *p == '0' };
	for (; *p >= '0' && *p <= '9'; p++)
		spec->width = spec->width * 10 + (unsigned int)(*p - '0');
	if (p[0] == 'l' && p[1] == 'l') {
		spec->wide = true;
		p += 2;
	}
	return p;
}

/* The argument is fetched where it is named: a va_list may be an array, and is not passed on. */
size_t format_text(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { buf, size, 0 };
	struct spec spec;
	const char *s;
	s64 number;

	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = read_spec(fmt + 1, &spec);
		switch (*fmt) {
		case 's':
			s = va_arg(args, const char *);
			s = s ? s : "(none)";
			put_padded(&o, s, text_length(s), &spec);
			break;
		case 'c':
			put(&o, (char)va_arg(args, int));
			break;
		case 'd':
			number = spec.wide ? va_arg(args, s64) : va_arg(args, int);
			put_number(&o, number < 0 ? -(u64)number : (u64)number, number < 0, 10, &spec);
			break;
		case 'u':
		case 'x':
			put_number(&o, spec.wide ? va_arg(args, u64) : va_arg(args, unsigned int), false,
				   *fmt == 'u' ? 10 : 16, &spec);
			break;
		case 0:
			fmt--;
			break;
		default:
			put(&o, *fmt);
		}
	}
	if (size)
		buf[o.used] = 0;
	return o.used;
}

void log_ring_put(struct log_ring *r, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		r->bytes[(r->written + i) % LOG_RING_SIZE] = text[i];
	r->written += size;
}

size_t log_ring_read(const struct log_ring *r, u64 *at, char *dst, size_t size)
{
	u64 oldest = r->written > LOG_RING_SIZE ? r->written - LOG_RING_SIZE : 0;
	size_t n = 0;

	if (*at < oldest || *at > r->written)
		*at = oldest;
	for (; n < size && *at < r->written; n++)
		dst[n] = r->bytes[(*at)++ % LOG_RING_SIZE];
	return n;
}
