# objects of ffgan-train; SPDX-License-Identifier: LGPL-2.1-or-later
TRAINER_OBJS := trainer/main.o trainer/cmd_train.o trainer/cmd_eval.o \
    trainer/recipe.o trainer/recipe_keys.o trainer/family.o \
    trainer/load.o trainer/net_init.o trainer/noise.o trainer/loss_adv.o trainer/spectral.o trainer/penalty.o trainer/cifar.o trainer/data.o trainer/crops.o trainer/imresize.o \
    trainer/metric.o trainer/score.o trainer/tape.o trainer/tape_gpu.o trainer/lot.o trainer/loss_tape.o trainer/loss_lot.o trainer/batch_gpu.o trainer/gpu.o trainer/net_gpu.o trainer/spectral_gpu.o trainer/penalty_gpu.o trainer/net.o \
    trainer/optim.o trainer/loss.o trainer/loss_fft.o trainer/train_sr.o trainer/train_gan.o trainer/gan_figure.o trainer/swd.o trainer/features.o trainer/frechet.o trainer/train_vae.o trainer/grid.o trainer/export_gan.o trainer/gan_net.o \
    trainer/loop.o trainer/checkpoint.o trainer/atomic.o trainer/export.o \
    trainer/log.o
TRAINER_OBJS += trainer/nets.o trainer/loss_msssim.o trainer/loss_focal.o \
    trainer/loss_ldl.o trainer/loss_nce.o

# logs, search
TRAINER_OBJS += trainer/space.o trainer/arms.o trainer/arm_tpe.o trainer/arm_lstm.o trainer/controller.o \
    trainer/parzen.o trainer/median.o trainer/events.o \
    trainer/events_trial.o trainer/table.o trainer/font.o trainer/plot.o \
    trainer/plot_axes.o trainer/trial.o trainer/trial_time.o \
    trainer/search_recipe.o trainer/search_log.o trainer/search_run.o \
    trainer/search_trial.o trainer/search_report.o trainer/cmd_search.o \
    trainer/log_files.o trainer/metric_ms.o trainer/features.o \
    trainer/frechet.o trainer/swd.o trainer/eval_made.o \
    trainer/eval_print.o trainer/eval_pairs.o trainer/continue.o trainer/watch.o
TRAINER_OBJS += trainer/style.o trainer/critic.o trainer/degrade.o trainer/degrade_fill.o \
    trainer/train_cycle.o trainer/train_gansr.o trainer/sliced.o trainer/train_keyframe.o \
    trainer/train_cut.o
TRAINER_OBJS += trainer/triplets.o trainer/motion.o trainer/net_interp.o \
    trainer/loss_interp.o trainer/score_interp.o trainer/train_interp.o \
    trainer/fusion.o trainer/mend.o trainer/moved.o trainer/interp_adv.o trainer/eval_interp.o
TRAINER_OBJS += trainer/procedural.o trainer/pyramid.o trainer/net_plate.o \
    trainer/plate_data.o trainer/plate_chain.o trainer/plate_export.o \
    trainer/train_plate.o trainer/net_texture.o trainer/train_texture.o
