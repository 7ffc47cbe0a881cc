// The scalar twins of quantized.inc: the definition of each kernel in plain C.
#include "kernels.h"

#include <math.h>
#include <string.h>

static void quantize_rows(const float *x, size_t rows, size_t ldx, size_t lead, size_t count, int levels,
                          uint8_t *values, float *scales, float *zeros) {
    size_t positions = (lead + count + PG_GROUP - 1) / PG_GROUP * PG_GROUP;
    for (size_t b = 0; b < rows; b++) {
        float low = 0, high = 0;
        for (size_t k = 0; k < count; k++) {
            low = fminf(low, x[b * ldx + k]);
            high = fmaxf(high, x[b * ldx + k]);
        }
        float range = high - low;
        float inverse = range > PG_MINIMUM_RANGE ? (float)levels / range : 0;
        scales[b] = range > PG_MINIMUM_RANGE ? range / (float)levels : 0;
        zeros[b] = rintf(-low * inverse);
        for (size_t place = 0; place < positions; place++) {
            float value = zeros[b];
            if (place >= lead && place < lead + count) value = rintf(fmaf(x[b * ldx + place - lead], inverse, zeros[b]));
            value = fminf(fmaxf(value, 0), (float)levels);
            values[(place / PG_GROUP * rows + b) * PG_GROUP + place % PG_GROUP] = (uint8_t)value;
        }
    }
}

static void quantize_panel(const float *weights, size_t outputs, size_t ldw, size_t count, int8_t *values,
                           float *scales) {
    memset(values, 0, (count + PG_GROUP - 1) / PG_GROUP * PG_PANEL_GROUP_BYTES);
    memset(scales, 0, PG_PANEL * sizeof(float));
    for (size_t n = 0; n < outputs; n++) {
        float largest = 0;
        for (size_t k = 0; k < count; k++) largest = fmaxf(largest, fabsf(weights[n * ldw + k]));
        if (!(largest > PG_MINIMUM_RANGE)) continue;
        scales[n] = largest / 127;
        for (size_t k = 0; k < count; k++) {
            float value = rintf(weights[n * ldw + k] * (127 / largest));
            values[(k / PG_GROUP * PG_PANEL + n) * PG_GROUP + k % PG_GROUP] = (int8_t)fminf(fmaxf(value, -127), 127);
        }
    }
}

static void weigh_columns(const float *x, size_t rows, size_t ldx, size_t count, float *weights) {
    for (size_t k = 0; k < count; k++) weights[k] = 0;
    for (size_t b = 0; b < rows; b++) {
        float sum = 0;
        for (size_t k = 0; k < count; k++) sum += fabsf(x[b * ldx + k]);
        if (!(sum > PG_MINIMUM_RANGE)) continue;
        for (size_t k = 0; k < count; k++) weights[k] += fabsf(x[b * ldx + k]) * ((float)count / (sum * (float)rows));
    }
}

static void gather_panel(const int8_t *weights, const uint32_t *positions, size_t count, int8_t *gathered) {
    memset(gathered, 0, (count + PG_GROUP - 1) / PG_GROUP * PG_PANEL_GROUP_BYTES);
    for (size_t i = 0; i < count; i++)
        for (size_t n = 0; n < PG_PANEL; n++)
            gathered[(i / PG_GROUP * PG_PANEL + n) * PG_GROUP + i % PG_GROUP] =
                weights[(positions[i] / PG_GROUP * PG_PANEL + n) * PG_GROUP + positions[i] % PG_GROUP];
}

static void sum_panel(const int8_t *weights, size_t groups, float *sums) {
    for (size_t n = 0; n < PG_PANEL; n++) {
        int32_t sum = 0;
        for (size_t g = 0; g < groups; g++)
            for (size_t i = 0; i < PG_GROUP; i++) sum += weights[(g * PG_PANEL + n) * PG_GROUP + i];
        sums[n] = (float)sum;
    }
}

static void multiply(const pg_int8_rows *rows, const pg_int8_panels *panels, float *y, size_t ldy, bool accumulate) {
    for (size_t b = 0; b < rows->rows; b++)
        for (size_t output = 0; output < panels->outputs; output++) {
            size_t place = panels->skip + output, n = place % PG_PANEL;
            const int8_t *weights = panels->weights + place / PG_PANEL * panels->stride;
            int32_t sum = 0;
            for (size_t g = 0; g < panels->groups; g++)
                for (size_t i = 0; i < PG_GROUP; i++)
                    sum += rows->values[(g * rows->rows + b) * PG_GROUP + i]
                           * weights[(g * PG_PANEL + n) * PG_GROUP + i];
            float value = ((float)sum - rows->zeros[b] * panels->sums[place])
                          * (rows->scales[b] * panels->scales[place]);
            y[b * ldy + output] = accumulate ? y[b * ldy + output] + value : value;
        }
}

const pg_int8_kernels pg_int8_kernels_scalar = {
    .name = "scalar", .levels = 255, .maximum_rows = 16, .tile_rows = 16, .line_groups = 1,
    .quantize_rows = quantize_rows,
    .quantize_panel = quantize_panel, .weigh_columns = weigh_columns, .gather_panel = gather_panel,
    .sum_panel = sum_panel, .multiply = multiply,
};
