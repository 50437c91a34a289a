/* Features of pictures by fixed random convolutions; what is made of them.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/dice.h"
#include "trainer/distance.h"

#define SEED 20240607u /* part of the network's name: never changed */
#define LAYERS 3
#define SLOPE 0.2f

static const int width[LAYERS + 1] = {3, 16, 32, 32};

typedef struct Net {
    float w[LAYERS][32 * 32 * 9]; /* [O][I][3][3] */
} Net;

static Net *make_net(void)
{
    Net *n = malloc(sizeof(*n));

    for (int l = 0; n && l < LAYERS; l++) {
        const int fan = 9 * width[l], nb = width[l + 1] * fan;
        FgDice d = {SEED, 100, (uint32_t)l, 0};

        for (int i = 0; i < nb; i++)
            n->w[l][i] = (float)(fg_dice_normal(&d) * sqrt(2.0 / fan));
    }
    return n;
}

/* out [(h+1)/2][(w+1)/2][oc] of in [h][w][ic]. */
static void convolve(const float *in, int w, int h, int ic, const float *k,
                     int oc, float *out)
{
    const int ow = (w + 1) / 2, oh = (h + 1) / 2;

    for (int i = 0; i < ow * oh; i++) {
        const int x0 = 2 * (i % ow) - 1, y0 = 2 * (i / ow) - 1;

        for (int o = 0; o < oc; o++) {
            float sum = 0;

            for (int t = 0; t < 9; t++) {
                const int x = x0 + t % 3, y = y0 + t / 3;

                for (int c = 0; x >= 0 && y >= 0 && x < w && y < h && c < ic;
                     c++)
                    sum += k[(o * ic + c) * 9 + t] * in[(y * w + x) * ic + c];
            }
            out[(size_t)i * (size_t)oc + (size_t)o] = sum > 0 ? sum
                                                              : SLOPE * sum;
        }
    }
}

static void summarise(const float *v, int n, int c, double *means,
                      double *deviations)
{
    for (int k = 0; k < c; k++) {
        double sum = 0, square = 0;

        for (int i = 0; i < n; i++) {
            sum += v[(size_t)i * (size_t)c + (size_t)k];
            square += (double)v[(size_t)i * (size_t)c + (size_t)k] *
                      v[(size_t)i * (size_t)c + (size_t)k];
        }
        means[k] = sum / n;
        if (deviations)
            deviations[k] = sqrt(fmax(square / n - means[k] * means[k], 0));
    }
}

typedef struct Job {
    const FgPicture *pic;
    const Net *net;
    double *out;
    int *ret;
} Job;

/* Not a kernel job: it allocates, which is fine in the trainer's own pool. */
static void one(void *arg, int i, int worker)
{
    const Job *j = arg;
    const FgPicture *p = &j->pic[i];
    const size_t n = (size_t)p->w * (size_t)p->h;
    float *a = malloc(sizeof(*a) * n * 3);
    float *b = malloc(sizeof(*b) * (n / 4 + n + 64) * 16);
    double *f = j->out + (size_t)i * FG_FEATURES, *dev = f + 16 + 32 + 32;
    int w = p->w, h = p->h;

    (void)worker;
    j->ret[i] = a && b ? 0 : -ENOMEM;
    for (size_t k = 0; !j->ret[i] && k < n * 3; k++)
        a[k] = p->rgb[k] / 127.5f - 1;
    for (int l = 0; !j->ret[i] && l < LAYERS; l++) {
        float *t = a;

        convolve(a, w, h, width[l], j->net->w[l], width[l + 1], b);
        w = (w + 1) / 2;
        h = (h + 1) / 2;
        summarise(b, w * h, width[l + 1], f, l < 2 ? dev : NULL);
        f += width[l + 1];
        dev += l < 2 ? width[l + 1] : 0;
        /* The next layer reads what this one wrote. */
        a = b;
        b = t;
        if (l + 1 < LAYERS) {
            float *room = realloc(b, sizeof(*b) * (size_t)(w * h + 64) * 32);

            j->ret[i] = room ? 0 : -ENOMEM;
            b = room ? room : b;
        }
    }
    free(a);
    free(b);
}

int fg_features(const FgPicture *pic, int n, double *out, FgExecutor *ex)
{
    Net *net = make_net();
    Job j = {pic, net, out, calloc((size_t)n + 1, sizeof(int))};
    int ret = net && j.ret ? 0 : -ENOMEM;

    if (!ret)
        fg_run(ex, one, &j, n);
    for (int i = 0; i < n && !ret; i++)
        ret = j.ret[i];
    free(j.ret);
    free(net);
    return ret;
}

/* ---- nearest neighbours ---- */

double fg_one_nn(const double *a, const double *b, int n, int dim)
{
    double *scale = calloc((size_t)dim, sizeof(*scale));
    int own = 0;

    for (int d = 0; scale && d < dim; d++) {
        double sum = 0, square = 0;

        for (int i = 0; i < n; i++) {
            sum += a[(size_t)i * (size_t)dim + (size_t)d];
            square += a[(size_t)i * (size_t)dim + (size_t)d] *
                      a[(size_t)i * (size_t)dim + (size_t)d];
        }
        scale[d] = 1 / (square / n - sum / n * (sum / n) + 1e-12);
    }
    for (int i = 0; scale && i < 2 * n; i++) {
        const double *x = (i < n ? a : b) + (size_t)(i % n) * (size_t)dim;
        double best = INFINITY;
        int mine = 0;

        for (int k = 0; k < 2 * n; k++) {
            const double *y = (k < n ? a : b) + (size_t)(k % n) * (size_t)dim;
            double sum = 0;

            for (int d = 0; k != i && d < dim && sum < best; d++)
                sum += (x[d] - y[d]) * (x[d] - y[d]) * scale[d];
            if (k != i && sum < best) {
                best = sum;
                mine = (k < n) == (i < n);
            }
        }
        own += mine;
    }
    free(scale);
    return scale ? own / (2.0 * n) : NAN;
}
