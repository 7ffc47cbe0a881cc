// The scalar twins: the definition of each kernel in plain C. Tests compare the vector code with them.
#include "kernels.h"

#include <math.h>
#include <string.h>

static float load(pg_element element, const void *base, size_t index) {
    if (element == PG_FLOAT32) {
        float value;
        memcpy(&value, (const char *)base + index * 4, 4);
        return value;
    }
    uint16_t bits;
    memcpy(&bits, (const char *)base + index * 2, 2);
    if (element == PG_BFLOAT16) {
        uint32_t wide = (uint32_t)bits << 16;
        float value;
        memcpy(&value, &wide, 4);
        return value;
    }
    int exponent = bits >> 10 & 31;
    float fraction = (float)(bits & 1023);
    float magnitude = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                      : exponent == 0 ? ldexpf(fraction, -24)
                                      : ldexpf(fraction + 1024, exponent - 25);
    return bits >> 15 ? -magnitude : magnitude;
}

static void widen(pg_element element, const void *in, float *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = load(element, in, i);
}

static void narrow(const float *in, uint16_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, in + i, 4);
        bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
        // Rounds half up in the last place that stays; one less where that place is even, so that ties go to even.
        uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
        out[i] = (uint16_t)((is_nan ? bits | 0x400000 : rounded) >> 16);
    }
}

static void arrange(const float *x, size_t rows, size_t inputs, size_t ldx, float *arranged) {
    for (size_t k = 0; k < inputs; k++)
        for (size_t b = 0; b < rows; b++) arranged[k * rows + b] = x[b * ldx + k];
}

static void few_rows(pg_element element, const void *weight, size_t outputs, size_t inputs, size_t ldw,
                     const float *x, size_t rows, float *y, size_t ldy) {
    for (size_t b = 0; b < rows; b++)
        for (size_t n = 0; n < outputs; n++) {
            float sum = 0;
            for (size_t k = 0; k < inputs; k++) sum += x[k * rows + b] * load(element, weight, n * ldw + k);
            y[b * ldy + n] = sum;
        }
}

static void few_rows_mix(const float *p, size_t rows, size_t ldp, const float *v, size_t keys, size_t columns,
                         size_t ldv, float *y, size_t ldy) {
    for (size_t b = 0; b < rows; b++)
        for (size_t s = 0; s < keys; s++)
            for (size_t c = 0; c < columns; c++) y[b * ldy + c] += p[b * ldp + s] * v[s * ldv + c];
}

enum { TILE_OUTPUTS = 64 };

static float *packed(float *panel, size_t inputs, size_t n, size_t k) {
    return panel + n / TILE_OUTPUTS * TILE_OUTPUTS * inputs + k * TILE_OUTPUTS + n % TILE_OUTPUTS;
}

static void pack(pg_element element, const void *weight, size_t outputs, size_t inputs, size_t ldw, float *panel) {
    for (size_t n = 0; n < outputs; n++)
        for (size_t k = 0; k < inputs; k++) *packed(panel, inputs, n, k) = load(element, weight, n * ldw + k);
}

static void pack_columns(const float *values, size_t inputs, size_t outputs, size_t ldv, float *panel) {
    for (size_t n = 0; n < outputs; n++)
        for (size_t k = 0; k < inputs; k++) *packed(panel, inputs, n, k) = values[k * ldv + n];
}

static void layer_norm(const float *x, const float *weight, const float *bias, float epsilon, float *out,
                       size_t count) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < count; i++) mean += x[i];
    mean /= (double)count;
    for (size_t i = 0; i < count; i++) variance += (x[i] - mean) * (x[i] - mean);
    double factor = 1 / sqrt(variance / (double)count + epsilon);
    for (size_t i = 0; i < count; i++) out[i] = (float)((x[i] - mean) * factor) * weight[i] + bias[i];
}

static void rms_norm(const float *x, const float *weight, float epsilon, float *out, size_t count) {
    double squares = 0;
    for (size_t i = 0; i < count; i++) squares += (double)x[i] * x[i];
    float factor = (float)(1 / sqrt(squares / (double)count + epsilon));
    for (size_t i = 0; i < count; i++) out[i] = x[i] * factor * (1 + weight[i]);
}

static float gelu_of(float x) {
    return 0.5f * x * (1 + tanhf(0.7978845608028654f * (x + 0.044715f * x * x * x)));
}

static void multiply(const pg_product *p) {
    for (size_t t = 0; t < p->rows; t++)
        for (size_t n = 0; n < p->outputs; n++) {
            float *y = p->out.y + t * p->out.ldy + n, sum = 0;
            for (size_t k = 0; k < p->inputs; k++)
                sum += p->x[t * p->ldx + k] * *packed((float *)p->panel, p->inputs, n, k);
            if (p->out.bias) sum += p->out.bias[n];
            *y = p->out.accumulate ? *y + sum : sum;
            if (p->out.finish == PG_GELU) *y = gelu_of(*y);
            if (p->out.finish == PG_GELU_TIMES) p->out.gate[t * p->out.ldg + n] = gelu_of(p->out.gate[t * p->out.ldg + n]) * *y;
        }
}

static void gelu(float *x, const float *bias, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] = gelu_of(bias ? x[i] + bias[i] : x[i]);
}

static void gelu_times(float *gate, const float *up, size_t count) {
    for (size_t i = 0; i < count; i++) gate[i] = gelu_of(gate[i]) * up[i];
}

static void add(float *x, const float *y, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] += y[i];
}

static void scale(float *x, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] *= factor;
}

static float softmax_tile(float *x, size_t count, float factor, float *maximum, float *sum) {
    float largest = *maximum;
    for (size_t i = 0; i < count; i++) {
        x[i] *= factor;
        if (x[i] > largest) largest = x[i];
    }
    float correction = expf(*maximum - largest), total = 0;
    for (size_t i = 0; i < count; i++) {
        x[i] = expf(x[i] - largest);
        total += x[i];
    }
    *maximum = largest;
    *sum = *sum * correction + total;
    return correction;
}

static void soft_cap(float *x, size_t count, float scale, float cap) {
    for (size_t i = 0; i < count; i++) x[i] = cap * tanhf(x[i] * scale / cap);
}

static void rotate(float *head, const float *cosine, const float *sine, size_t half) {
    for (size_t i = 0; i < half; i++) {
        float first = head[i], second = head[half + i];
        head[i] = first * cosine[i] - second * sine[i];
        head[half + i] = second * cosine[i] + first * sine[i];
    }
}

static size_t arg_max(const float *x, size_t count, float *maximum) {
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (x[i] > x[best]) best = i;
    *maximum = x[best];
    return best;
}

static double sum_exp(const float *x, size_t count, float maximum) {
    double total = 0;
    for (size_t i = 0; i < count; i++) total += expf(x[i] - maximum);
    return total;
}

const pg_kernels pg_kernels_scalar = {
    .name = "scalar", .tile_outputs = TILE_OUTPUTS, .widen = widen, .narrow = narrow, .arrange = arrange,
    .few_rows = few_rows, .few_rows_mix = few_rows_mix, .pack = pack, .pack_columns = pack_columns, .multiply = multiply,
    .layer_norm = layer_norm, .rms_norm = rms_norm, .gelu = gelu, .gelu_times = gelu_times, .add = add,
    .scale = scale, .softmax_tile = softmax_tile, .soft_cap = soft_cap, .rotate = rotate, .arg_max = arg_max,
    .sum_exp = sum_exp,
};
